//! Bodies of polls, of protocol 3 and 4, come apart as they are joined.

use crate::{
    eio3::{decoded_once_more, split_binary, utf16_boundary},
    payload::{Form, decode, for_engine},
};

/// Takes the bytes apart as a body of each kind, and joins what was in it.
pub fn bodies(bytes: &[u8]) {
    if let Some(packets) = split_binary(bytes) {
        assert_eq!(split_binary(&Form::Binary.encode(&packets)), Some(packets));
    }
    let Ok(body) = std::str::from_utf8(bytes) else { return };
    let packets = decode(false, body).expect("any text is one");
    assert_eq!(for_engine(false, &packets), body);
    assert_eq!(Form::Separated.encode(&packets), bytes);
    if let Ok(packets) = decode(true, body) {
        assert_eq!(decode(true, &for_engine(true, &packets)), Ok(packets.clone()));
        let ascii = String::from_utf8(Form::Ascii.encode(&packets)).expect("text");
        assert!(ascii.is_ascii() && decode(true, &ascii).is_ok_and(|read| read.len() == packets.len()));
    }
    if let Some(once) = decoded_once_more(body) {
        assert!(once.bytes().map(char::from).eq(body.chars()));
    }
    if let Some(at) = utf16_boundary(body, bytes.len() / 2) {
        assert_eq!(body[..at].encode_utf16().count(), bytes.len() / 2);
    }
}
