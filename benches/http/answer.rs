//! The answer of the HTTP servers on hyper, the same under smol and tokio: that of chapter 12's server to
//! `GET /0`.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use std::convert::Infallible;

/// A service for hyper.
pub async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    let number: Option<u64> = path.strip_prefix('/').and_then(|path| path.parse().ok());
    let (status, text) = match number {
        Some(number) if request.method() == Method::GET => {
            (StatusCode::OK, format!("{number} It works"))
        }
        _ => (StatusCode::NOT_FOUND, "not found".to_string()),
    };
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    Ok(response)
}
