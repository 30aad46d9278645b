//! Pages of an answer, forward and back.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Collection, Database, Filter, Query, Sort, find_page};

use super::sort::{sort, sorted_by_server};
use super::{Answer, Kind, hint, part};
use crate::generate::filter::Language;
use crate::oracle::{Oracle, Reply};
use crate::ours::hinted;
use crate::random::Random;
use crate::world::Scene;

/// `{sort, filter, sizes, turns, hint}`; answered by the ids on each page.
///
/// One goes forward `turns[0]` pages, then back `turns[1]` pages and so on, as far as there are pages, in the
/// end forward. Page number `n` of the walk has the size `sizes[n]`, from the front again where they end.
#[derive(Debug)]
pub(super) struct Paged;

/// Pages after which every walk ends; one that goes on for ever is a difference.
const MOST_PAGES: usize = 100;

#[async_trait]
impl Kind for Paged {
    fn name(&self) -> &'static str {
        "page"
    }

    fn question(&self, random: &mut Random, scene: &Scene, _number: usize) -> Document {
        let sizes: Vec<i32> =
            (0..random.between(1, 3)).map(|_| random.between(1, 9) as i32).collect();
        let turns: Vec<i32> = (0..random.below(4)).map(|_| random.below(6) as i32).collect();
        let mut question = doc! {"sort": sort(random, scene), "sizes": sizes, "turns": turns};
        if random.one_in(2) {
            question.insert("filter", Language.filter(random, scene));
        }
        hint(random, &mut question);
        question
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        match (part(question, "sort"), Walk::of(question)) {
            (Ok(sort), Some(walk)) => pages(database, sort, question, walk).await.into(),
            _ => Answer::Refused("the question has no sort or no sizes".to_owned()),
        }
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        let (Ok(sort), Some(mut walk)) = (part(question, "sort"), Walk::of(question)) else {
            return Ok(Answer::Refused("the question has no sort or no sizes".to_owned()));
        };
        let filter = question.get_document("filter").ok();
        let ids = match sorted_by_server(server, sort, filter).await? {
            Ok(ids) => ids,
            Err(why) => return Ok(Answer::Refused(why)),
        };
        let mut pages = Vec::new();
        let (mut start, mut end) = (0, walk.size().min(ids.len()));
        while pages.len() < MOST_PAGES {
            pages.push(Bson::Array(ids[start..end].to_vec()));
            match walk.next(end < ids.len(), start > 0) {
                Some(true) => (start, end) = (end, (end + walk.size()).min(ids.len())),
                Some(false) => (start, end) = (start.saturating_sub(walk.size()), start),
                None => break,
            }
        }
        Ok(Answer::Given(pages.into()))
    }
}

/// The way through the pages.
#[derive(Debug)]
struct Walk {
    sizes: Vec<usize>,
    turns: Vec<usize>,
    /// How many pages were asked for.
    asked: usize,
    /// How often one has turned round, and the pages since.
    turned: usize,
    since: usize,
}

impl Walk {
    /// `None` when there is no size, or one of zero.
    fn of(question: &Document) -> Option<Self> {
        let numbers = |name| {
            let numbers = question.get_array(name).ok()?.iter();
            numbers
                .map(|number| number.as_i32().and_then(|number| usize::try_from(number).ok()))
                .collect::<Option<Vec<_>>>()
        };
        let sizes = numbers("sizes").filter(|sizes| !sizes.is_empty() && !sizes.contains(&0))?;
        let turns = numbers("turns").unwrap_or_default();
        Some(Self { sizes, turns, asked: 0, turned: 0, since: 0 })
    }

    /// The size of the next page.
    fn size(&mut self) -> usize {
        self.asked += 1;
        self.sizes[(self.asked - 1) % self.sizes.len()]
    }

    /// Whether the next page is asked for forward or back, among those that there are; `None` at the end.
    fn next(&mut self, is_more: bool, is_before: bool) -> Option<bool> {
        while let Some(turn) = self.turns.get(self.turned) {
            let forward = self.turned.is_multiple_of(2);
            if self.since < *turn && if forward { is_more } else { is_before } {
                self.since += 1;
                return Some(forward);
            }
            self.turned += 1;
            self.since = 0;
        }
        is_more.then_some(true)
    }
}

async fn pages(
    database: &dyn Database,
    sort: &Document,
    question: &Document,
    mut walk: Walk,
) -> jvspatial_db::Result<Bson> {
    let filter = question.get_document("filter").ok().map(Filter::parse).transpose()?;
    let query =
        Query::new(Collection::Object, filter.unwrap_or_else(Filter::all)).sort(Sort::parse(sort)?);
    let query = hinted(database, query, question).await?;
    let mut pages = Vec::new();
    let mut token = None;
    while pages.len() < MOST_PAGES {
        let size = u32::try_from(walk.size()).unwrap_or(u32::MAX);
        let page = find_page(database, query.clone(), size, token.as_ref()).await?;
        let ids = page.documents.iter().map(|document| Bson::from(document.id.to_string()));
        pages.push(Bson::Array(ids.collect()));
        token = match walk.next(page.next.is_some(), page.previous.is_some()) {
            Some(true) => page.next,
            Some(false) => page.previous,
            None => break,
        };
    }
    Ok(pages.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_turns_round_where_it_is_told_to_and_where_pages_end() {
        let mut walk = Walk::of(&doc! {"sizes": [2, 3], "turns": [1, 9]}).unwrap();
        assert_eq!([walk.size(), walk.size(), walk.size()], [2, 3, 2]);
        assert_eq!(walk.next(true, false), Some(true));
        assert_eq!(walk.next(true, true), Some(false));
        assert_eq!(walk.next(true, false), Some(true), "there is nothing before");
        assert_eq!(walk.next(false, true), None);
    }

    #[test]
    fn a_walk_without_sizes_is_none() {
        assert!(Walk::of(&doc! {"sizes": []}).is_none());
        assert!(Walk::of(&doc! {"sizes": [1, 0]}).is_none());
        assert!(Walk::of(&doc! {"sizes": ["a"]}).is_none());
    }
}
