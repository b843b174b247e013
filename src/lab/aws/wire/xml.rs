//! Answers of the Query protocol.
//!
//! See <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#response-serialization>.

use std::io;

use quick_xml::{Writer, events::BytesText};
use serde_json::Value;

type Out = Writer<Vec<u8>>;

/// `<XResponse><XResult>…</XResult><ResponseMetadata>…`; no result element where the operation has no output.
pub(super) fn answer(operation: &str, namespace: &str, output: &Value, id: &str) -> Vec<u8> {
    document(|out| {
        let root = format!("{operation}Response");
        inside(out, &root, namespace, |out| {
            if !output.is_null() {
                element(out, &format!("{operation}Result"), output)?;
            }
            inside(out, "ResponseMetadata", "", |out| text(out, "RequestId", id))
        })
    })
}

pub(super) fn error(namespace: &str, status: u16, code: &str, message: &str, id: &str) -> Vec<u8> {
    document(|out| {
        inside(out, "ErrorResponse", namespace, |out| {
            inside(out, "Error", "", |out| {
                text(out, "Type", if status < 500 { "Sender" } else { "Receiver" })?;
                text(out, "Code", code)?;
                text(out, "Message", message)
            })?;
            text(out, "RequestId", id)
        })
    })
}

fn document(write: impl FnOnce(&mut Out) -> io::Result<()>) -> Vec<u8> {
    let mut out = Writer::new(Vec::new());
    // Writing to memory does not fail.
    drop(write(&mut out));
    out.into_inner()
}

fn inside(
    out: &mut Out,
    name: &str,
    namespace: &str,
    write: impl FnOnce(&mut Out) -> io::Result<()>,
) -> io::Result<()> {
    let mut element = out.create_element(name);
    if !namespace.is_empty() {
        element = element.with_attribute(("xmlns", namespace));
    }
    element.write_inner_content(write)?;
    Ok(())
}

fn text(out: &mut Out, name: &str, value: &str) -> io::Result<()> {
    out.create_element(name).write_text_content(BytesText::new(value))?;
    Ok(())
}

/// Objects are structures, lists have `member` elements, what is null is left out.
fn element(out: &mut Out, name: &str, value: &Value) -> io::Result<()> {
    match value {
        Value::Null => Ok(()),
        Value::String(value) => text(out, name, value),
        Value::Bool(_) | Value::Number(_) => text(out, name, &value.to_string()),
        Value::Array(list) => {
            inside(out, name, "", |out| list.iter().try_for_each(|item| element(out, "member", item)))
        }
        Value::Object(members) => {
            inside(out, name, "", |out| members.iter().try_for_each(|(name, value)| element(out, name, value)))
        }
    }
}
