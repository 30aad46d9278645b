use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


struct Reach;

#[walker(meets(City, City))]
impl Reach {}

struct Nothing;

#[walker(meets())]
impl Nothing {}

struct Value;

#[walker(meets = City)]
impl Value {}

struct Flag;

#[walker(sequential = true)]
impl Flag {}

fn main() {}
