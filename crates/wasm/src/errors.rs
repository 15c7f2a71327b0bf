//! Errors as JavaScript knows them: an `Error` with a `code`.

use js_sys::Reflect;
use kindex::{Code, Error};
use wasm_bindgen::JsValue;

pub(crate) fn to_js(error: Error) -> JsValue {
    let thrown = js_sys::Error::new(error.message());
    // Setting a property of a fresh, extensible object does not fail.
    let _ = Reflect::set(&thrown, &"code".into(), &error.code().as_str().into());
    thrown.into()
}

pub(crate) fn invalid(message: &str) -> JsValue {
    to_js(Error::new(Code::InvalidArgument, message))
}
