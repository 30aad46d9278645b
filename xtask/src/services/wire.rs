//! Just enough of MongoDB's wire protocol to set up a replica set: one command, one reply.
//!
//! By hand, because a driver would make every first `cargo xtask` wait for its compilation.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Map, Value};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The message that carries a document each way.
const OP_MSG: i32 = 2013;

/// What a reply may measure; those that are expected here have a few kilobytes.
const MAX_REPLY: usize = 1 << 20;

/// Sends the command `name` to the database `admin` of the server on a port of this machine.
///
/// Integers go out as 32 bits. Of the reply, what is no number, text, truth value, map or list reads
/// as null.
pub(super) fn run_command(port: u16, name: &str, argument: &Value) -> Result<Value, String> {
    let reply = exchange(port, &message(name, argument)?)
        .map_err(|error| format!("no answer from port {port}: {error}"))?;
    read_message(&reply).ok_or_else(|| "the reply is not understood".to_owned())
}

fn exchange(port: u16, message: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(message)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let rest = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX).saturating_sub(4);
    if rest > MAX_REPLY {
        return Err(std::io::Error::other(format!("a reply of {rest} bytes")));
    }
    let mut reply = vec![0; rest];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}

/// Header (length, request, response to, kind), flags, and one section with the document.
fn message(name: &str, argument: &Value) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    for number in [1, 0, OP_MSG, 0] {
        body.extend(i32::to_le_bytes(number));
    }
    body.push(0);
    // The name comes first in a command, whatever its letters.
    write_map([(name, argument), ("$db", &"admin".into())].into_iter(), &mut body)?;
    let length = i32::try_from(body.len() + 4).map_err(|_| "the command is too large")?;
    Ok([length.to_le_bytes().as_slice(), &body].concat())
}

fn read_message(reply: &[u8]) -> Option<Value> {
    // Request, response to, kind, flags, kind of the section.
    let (head, document) = reply.split_at_checked(17)?;
    let kind = i32::from_le_bytes(*head[8..].first_chunk()?);
    (kind == OP_MSG && head[16] == 0).then(|| read_map(document, MAX_LEVELS))?.map(Value::Object)
}

fn write_map<'a>(
    fields: impl Iterator<Item = (&'a str, &'a Value)>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let start = out.len();
    out.extend([0; 4]);
    for (name, value) in fields {
        let kind = out.len();
        out.push(0);
        out.extend(name.as_bytes());
        out.push(0);
        out[kind] = write_value(value, out)?;
    }
    out.push(0);
    let length = i32::try_from(out.len() - start).map_err(|_| "the command is too large")?;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Writes a value and returns the number of its type.
fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<u8, String> {
    match value {
        Value::String(text) => {
            let length = i32::try_from(text.len() + 1).map_err(|_| "the command is too large")?;
            out.extend(length.to_le_bytes());
            out.extend(text.as_bytes());
            out.push(0);
            Ok(0x02)
        }
        Value::Object(fields) => {
            write_map(fields.iter().map(|(name, value)| (name.as_str(), value)), out)?;
            Ok(0x03)
        }
        Value::Array(items) => {
            let names: Vec<String> = (0..items.len()).map(|index| index.to_string()).collect();
            write_map(names.iter().map(String::as_str).zip(items), out)?;
            Ok(0x04)
        }
        Value::Bool(value) => {
            out.push(u8::from(*value));
            Ok(0x08)
        }
        Value::Null => Ok(0x0a),
        Value::Number(number) => {
            let number = number.as_i64().and_then(|number| i32::try_from(number).ok());
            out.extend(number.ok_or("a number of a command has 32 bits")?.to_le_bytes());
            Ok(0x10)
        }
    }
}

/// How deep a reply may nest.
const MAX_LEVELS: usize = 20;

fn read_map(bytes: &[u8], levels: usize) -> Option<Map<String, Value>> {
    let length = usize::try_from(i32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    if length != bytes.len() {
        return None;
    }
    let mut rest = bytes.get(4..bytes.len().checked_sub(1)?)?;
    let mut fields = Map::new();
    while let Some((kind, after)) = rest.split_first() {
        let end = after.iter().position(|byte| *byte == 0)?;
        let name = String::from_utf8_lossy(&after[..end]).into_owned();
        let after = &after[end + 1..];
        let (value, after) = after.split_at_checked(size_of_value(*kind, after)?)?;
        fields.insert(name, read_value(*kind, value, levels.checked_sub(1)?)?);
        rest = after;
    }
    Some(fields)
}

fn size_of_value(kind: u8, bytes: &[u8]) -> Option<usize> {
    let length = || usize::try_from(i32::from_le_bytes(*bytes.first_chunk()?)).ok();
    match kind {
        0x02 => length()?.checked_add(4),
        0x03 | 0x04 => length(),
        0x05 => length()?.checked_add(5),
        0x07 => Some(12),
        0x08 => Some(1),
        0x06 | 0x0a | 0x7f | 0xff => Some(0),
        0x10 => Some(4),
        0x01 | 0x09 | 0x11 | 0x12 => Some(8),
        0x13 => Some(16),
        _ => None,
    }
}

fn read_value(kind: u8, bytes: &[u8], levels: usize) -> Option<Value> {
    Some(match kind {
        0x01 => f64::from_le_bytes(*bytes.first_chunk()?).into(),
        0x02 => String::from_utf8_lossy(bytes.get(4..bytes.len().checked_sub(1)?)?).into(),
        0x03 => Value::Object(read_map(bytes, levels)?),
        0x04 => read_map(bytes, levels)?.into_iter().map(|(_, item)| item).collect(),
        0x08 => (bytes.first()? != &0).into(),
        0x10 => i32::from_le_bytes(*bytes.first_chunk()?).into(),
        0x12 => i64::from_le_bytes(*bytes.first_chunk()?).into(),
        _ => Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_reads_back_as_it_was_written() {
        let argument = json!({
            "text": "é", "yes": true, "nothing": null,
            "members": [{"_id": 0, "host": "127.0.0.1:1"}, -1]
        });
        let message = message("zero", &argument).unwrap();
        assert_eq!(message[..4], i32::try_from(message.len()).unwrap().to_le_bytes());
        assert_eq!(message[26..31], *b"zero\0", "the name does not come first");
        let document = json!({"zero": argument, "$db": "admin"});
        assert_eq!(read_message(&message[4..]), Some(document));
    }

    #[test]
    fn values_of_other_types_are_passed_over() {
        let id = [&[0x07, b'i', 0][..], &[9; 12]].concat();
        let long = [&[0x12, b'l', 0][..], &(-5_i64).to_le_bytes()].concat();
        let double = [&[0x01, b'd', 0][..], &1.0_f64.to_le_bytes()].concat();
        let fields = [id, long, double].concat();
        let length = u32::try_from(fields.len() + 5).unwrap().to_le_bytes();
        let map = read_map(&[&length[..], &fields, &[0]].concat(), 1).unwrap();
        assert_eq!(Value::Object(map), json!({"i": null, "l": -5, "d": 1.0}));
    }

    #[test]
    fn a_reply_that_is_cut_or_strange_is_not_understood() {
        let message = message("a", &json!({"b": "text"})).unwrap();
        for length in 4..message.len() {
            assert_eq!(read_message(&message[4..length]), None, "{length}");
        }
        let mut strange = message[4..].to_vec();
        strange[8] = 1;
        assert_eq!(read_message(&strange), None);
        assert_eq!(read_map(&[9, 0, 0, 0, 0x55, b'x', 0, 1, 0], 1), None);
    }

    #[test]
    fn a_command_with_a_number_that_does_not_fit_is_refused() {
        for argument in [json!(1.5), json!({"a": [u32::MAX]})] {
            assert!(message("ping", &argument).is_err(), "{argument}");
        }
    }

    #[test]
    fn a_port_where_nobody_listens_is_named() {
        let port = super::super::process::free_port().unwrap();
        let reason = run_command(port, "ping", &json!(1)).unwrap_err();
        assert!(reason.contains(&port.to_string()), "{reason}");
    }
}
