//! A request of the HTTP clients on hyper, the same under smol and tokio.

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};

pub type Body = Empty<Bytes>;

/// `GET /0`. `target` is `/0`, or the whole URL for a client that connects by it.
pub fn request(target: &str, host: &str) -> Request<Body> {
    let request = Request::get(target).header(HOST, host).body(Body::new());
    request.expect("the address of a socket is a valid host")
}

/// Reads the answer to its end.
pub async fn check(response: Response<Incoming>) {
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await;
    assert_eq!(body.expect("the other end").to_bytes(), "0 It works");
}
