//! Just enough of MongoDB's wire protocol for a program that writes and knows nothing of graphs: one command, one reply.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use jvspatial::db::doc;

/// The message that carries a document each way.
const OP_MSG: i32 = 2013;

/// Sets the field `name` of one document to `value` in the database `url` names, and leaves its version as it was.
pub(super) fn set(url: &str, collection: &str, id: &str, name: &str, value: i64) {
    let (server, path) = url.strip_prefix("mongodb://").unwrap().split_once('/').unwrap();
    let database = path.split('?').next().unwrap();
    let change = doc! { "q": { "_id": id }, "u": { "$set": { format!("context.{name}"): value } } };
    let command = doc! {
        "update": collection,
        "updates": [change],
        "writeConcern": { "w": "majority" },
        "$db": database,
    };
    let mut body = Vec::new();
    [1, 0, OP_MSG, 0].iter().for_each(|number: &i32| body.extend(number.to_le_bytes()));
    body.push(0);
    body.extend(command.to_vec().unwrap());
    let length = i32::try_from(body.len() + 4).unwrap();
    let server = server.split(',').next().unwrap();
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(&[&length.to_le_bytes()[..], &body].concat()).unwrap();
    let mut head = [0; 21];
    stream.read_exact(&mut head).unwrap();
    let length = i32::from_le_bytes(*head.first_chunk().unwrap());
    let mut reply = vec![0; usize::try_from(length).unwrap() - head.len()];
    stream.read_exact(&mut reply).unwrap();
    // Both names with their end: one document was changed.
    let one = |name: &str| {
        let field = [&[16], name.as_bytes(), &[0, 1, 0, 0, 0]].concat();
        reply.windows(field.len()).any(|bytes| bytes == field)
    };
    assert!(one("n") && one("nModified"), "{reply:?}");
}
