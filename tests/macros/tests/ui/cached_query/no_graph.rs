use jvspatial::prelude::*;

#[cached_query]
async fn count(country: &str) -> usize {
    country.len()
}

fn main() {}
