use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
#[node(index(
    "a.a", "a.b", "a.c", "a.d", "a.e", "a.f", "a.g", "a.h", "a.i", "a.j", "a.k", "a.l", "a.m",
    "a.n", "a.o", "a.p", "a.q", "a.r", "a.s", "a.t", "a.u", "a.v", "a.w", "a.x", "a.y", "a.z",
    "b.a", "b.b", "b.c", "b.d", "b.e", "b.f", "b.g",
))]
struct Sample {
    a: Vec<u8>,
    b: Vec<u8>,
}

fn main() {}
