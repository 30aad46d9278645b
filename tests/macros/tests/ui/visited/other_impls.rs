use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


trait Greets {}

#[visited]
impl Greets for City {}

struct Pair<T>(T);

#[visited]
impl<T> Pair<T> {}

#[visited]
struct Village;

#[visited(meets(Surveyor))]
impl Town {}

fn main() {}
