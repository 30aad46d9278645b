//! Pictures of the trail of a walk.

use foldhash::{HashMap, HashMapExt};
use jvspatial_db::Id;

use super::{Arrow, Language, Picture, Shape};
use crate::walker::{Step, Trail};

impl Trail {
    /// A picture of the way in the language of Graphviz, drawn by `dot -Tsvg`.
    ///
    /// Each node visited is drawn once, starts with a double border. An arrow leads to it for each visit, from the node
    /// whose visit led there, with the number of the step and the type of the edge. A visit whose parent is no longer
    /// kept has none.
    pub fn dot(&self) -> Picture<'_, Id, Step> {
        self.picture(Language::Dot)
    }

    /// The same in the language of Mermaid, drawn by many viewers of Markdown, starts with round ends.
    pub fn mermaid(&self) -> Picture<'_, Id, Step> {
        self.picture(Language::Mermaid)
    }

    fn picture(&self, language: Language) -> Picture<'_, Id, Step> {
        let mut places: HashMap<&Id, usize> = HashMap::new();
        let mut shapes: Vec<Shape<'_, Id>> = Vec::new();
        for step in self.steps() {
            let node = &step.entity;
            let place = *places.entry(node).or_insert_with(|| {
                let label = node.to_string();
                shapes.push(Shape { node, label, is_start: false, is_highlighted: false });
                shapes.len() - 1
            });
            if let Some(shape) = shapes.get_mut(place) {
                shape.is_start |= step.parent.is_none();
            }
        }
        let place = |node: &Id| places.get(node).copied();
        let arrows = self.steps().filter_map(|step| {
            let parent = self.get(step.parent?)?;
            let label = match &step.edge {
                Some(edge) => format!("{}: {}", step.sequence, edge.entity()),
                None => step.sequence.to_string(),
            };
            Some(Arrow {
                edge: step,
                id: step.edge.as_ref(),
                from: place(&parent.entity)?,
                to: place(&step.entity)?,
                label,
                is_undirected: false,
                is_highlighted: false,
            })
        });
        Picture::new(language, shapes, arrows.collect())
    }
}
