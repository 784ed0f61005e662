//! The ratios as a picture.

use crate::results::Results;

pub fn draw(_all: &[Results]) -> String {
    String::new()
}
