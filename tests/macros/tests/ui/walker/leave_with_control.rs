use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}


struct Reach;

#[walker]
impl Reach {
    #[on_leave]
    fn place(&mut self, _here: &AnyNode) -> Result<Control> {
        Ok(Control::Skip)
    }
}

fn main() {}
