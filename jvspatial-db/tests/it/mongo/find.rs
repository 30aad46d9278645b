use bson::{Bson, Document, bson, doc};
use jvspatial_db::{
    Collection, ErrorKind, Filter, IndexSpec, MemoryDb, MongoDb, Position, Projection, Query, Sort,
    WriteBatch,
};
use jvspatial_db::{Database, Envelope, Id, Version};

use super::database_with;

/// Values that sort in every way there is, arrays and missing ones among them.
fn fields() -> Vec<Document> {
    let values = [
        Bson::Null,
        1.into(),
        2.5.into(),
        Bson::Int64(1 << 40),
        f64::NAN.into(),
        "a".into(),
        "b".into(),
        vec![3, 0].into(),
        Bson::Array(vec![]),
        Bson::from(doc! { "x": 1 }),
        true.into(),
        Bson::from(vec![Bson::from("a"), Bson::from(9)]),
    ];
    let mut fields: Vec<Document> = values
        .into_iter()
        .map(|value| doc! { "v": value, "name": "x", "inner": { "a": 1, "b": 2 } })
        .collect();
    fields.push(doc! { "name": "without" });
    fields
}

/// The same documents on a server and in memory.
async fn both(name: &str) -> (MongoDb, MemoryDb) {
    let memory = MemoryDb::new();
    let mut batch = WriteBatch::new(memory.capabilities().encoding);
    let mut stored = Vec::new();
    for (n, fields) in fields().into_iter().cycle().take(300).enumerate() {
        let id: Id = format!("n.City.{:03}", (n * 7) % 300).parse().unwrap();
        let envelope = Envelope { version: Version::FIRST, schema: 1, link: None };
        batch.insert_as(id.clone(), &fields, envelope).unwrap();
        stored.push(
            doc! { "_id": id.to_string(), "_version": 1_i64, "entity": "City", "context": fields },
        );
    }
    assert!(memory.write(batch).await.unwrap().is_complete());
    (database_with(name, &stored).await, memory)
}

async fn found(cursor: jvspatial_db::Cursor) -> Vec<String> {
    let documents = cursor.try_collect().await.unwrap();
    documents.iter().map(|found| format!("{:?}", found.to_bson().unwrap())).collect()
}

async fn compare(mongo: &MongoDb, memory: &MemoryDb, query: Query) {
    let expected = found(memory.find(query.clone()).await.unwrap()).await;
    assert_eq!(found(mongo.find(query.clone()).await.unwrap()).await, expected, "{query:?}");
}

fn sorts() -> Vec<Sort> {
    [
        doc! { "_id": -1 },
        doc! { "context.v": 1 },
        doc! { "context.v": -1 },
        doc! { "context.name": 1, "context.v": -1, "_id": -1 },
    ]
    .iter()
    .map(|sort| Sort::parse(sort).unwrap())
    .collect()
}

fn numbers() -> Filter {
    Filter::parse(&doc! { "context.v": { "$gte": 1 } }).unwrap()
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn an_order_is_the_same_as_in_memory_from_either_end() {
    let (mongo, memory) = both("find_order").await;
    for sort in sorts() {
        for filter in [Filter::all(), numbers()] {
            let query = Query::new(Collection::Node, filter).sort(sort.clone());
            compare(&mongo, &memory, query.clone()).await;
            compare(&mongo, &memory, query.clone().skip(7).limit(5)).await;
            compare(&mongo, &memory, query.clone().limit(0)).await;
            compare(&mongo, &memory, query.clone().reversed().skip(3).limit(9)).await;
            compare(&mongo, &memory, query.reversed()).await;
        }
    }
    mongo.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn places_cut_an_order_exactly() {
    let (mongo, memory) = both("find_places").await;
    for sort in sorts() {
        let all = memory.find(Query::new(Collection::Node, Filter::all()).sort(sort.clone()));
        let all = all.await.unwrap().try_collect().await.unwrap();
        for pair in all.chunks(40).map(|chunk| (&chunk[0], &chunk[chunk.len() - 1])) {
            let after = Position::of(&sort, pair.0).unwrap();
            let before = Position::of(&sort, pair.1).unwrap().inclusive(true);
            let query = Query::new(Collection::Node, Filter::all()).sort(sort.clone());
            compare(&mongo, &memory, query.clone().after(after.clone()).limit(9)).await;
            compare(&mongo, &memory, query.clone().before(before.clone()).skip(2)).await;
            let between = query.after(after).before(before);
            compare(&mongo, &memory, between.clone()).await;
            compare(&mongo, &memory, between.reversed().limit(5)).await;
        }
    }
    mongo.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_sparse_index_hides_nothing_that_is_missing() {
    let (mongo, memory) = both("find_sparse").await;
    let spec = IndexSpec::parse(&doc! { "key": { "context.v": 1 }, "sparse": true }).unwrap();
    mongo.create_index(Collection::Node, None, spec).await.unwrap();
    for asked in [
        doc! { "$gte": Bson::Null },
        doc! { "$lte": Bson::Null },
        doc! { "$eq": Bson::Null },
        doc! { "$gt": Bson::MinKey },
        doc! { "$gte": Bson::MinKey },
        doc! { "$lt": Bson::MaxKey },
        doc! { "$lte": Bson::MaxKey },
    ] {
        for asked in [asked.clone(), doc! { "$not": asked }] {
            let filter = Filter::parse(&doc! { "context.v": asked }).unwrap();
            let counted = memory.count(Collection::Node, &filter).await.unwrap();
            assert_eq!(mongo.count(Collection::Node, &filter).await.unwrap(), counted);
            let query = Query::new(Collection::Node, filter);
            compare(&mongo, &memory, query.sort(Sort::by_id())).await;
        }
    }
    for sort in sorts() {
        let all = Query::new(Collection::Node, Filter::all()).sort(sort.clone());
        let missing = Filter::parse(&doc! { "context.v": Bson::Null }).unwrap();
        let first = memory.find(Query::new(Collection::Node, missing).sort(sort.clone())).await;
        let first = first.unwrap().try_next().await.unwrap().unwrap();
        let after = Position::of(&sort, &first).unwrap();
        compare(&mongo, &memory, all.after(after)).await;
    }
    mongo.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn an_index_hides_no_arrays_of_arrays_and_takes_comparisons_with_symbols() {
    let values: [Bson; 6] =
        [bson!([[1]]), bson!([[2], 1]), bson!([[]]), bson!([1]), bson!("z"), Bson::Null];
    let (mut stored, memory) = (Vec::new(), MemoryDb::new());
    let mut batch = WriteBatch::new(memory.capabilities().encoding);
    for (number, value) in values.into_iter().enumerate() {
        let (id, fields) = (format!("n.City.{number}"), doc! { "v": value });
        batch.insert(id.parse().unwrap(), &fields).unwrap();
        stored.push(doc! { "_id": id, "_version": 1_i64, "entity": "City", "context": fields });
    }
    assert!(memory.write(batch).await.unwrap().is_complete());
    let mongo = database_with("find_arrays", &stored).await;
    let spec = IndexSpec::parse(&doc! { "key": { "context.v": 1 } }).unwrap();
    mongo.create_index(Collection::Node, None, spec).await.unwrap();
    for operator in ["$gt", "$gte", "$lt", "$lte"] {
        for operand in [bson!([[]]), bson!([[1]]), Bson::Symbol("s".to_owned())] {
            let asked = || doc! { operator: operand.clone() };
            for asked in [asked(), doc! { "$not": asked() }] {
                let filter = Filter::parse(&doc! { "context.v": asked }).unwrap();
                let counted = memory.count(Collection::Node, &filter).await.unwrap();
                assert_eq!(mongo.count(Collection::Node, &filter).await.unwrap(), counted);
                let query = Query::new(Collection::Node, filter);
                compare(&mongo, &memory, query.sort(Sort::by_id())).await;
            }
        }
    }
    mongo.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_projection_is_the_same_as_in_memory() {
    let (mongo, memory) = both("find_projection").await;
    for projection in [
        doc! { "_id": 1 },
        doc! { "context.inner.b": 1, "context.name": 1 },
        doc! { "context": 1 },
        doc! { "entity": 1, "_id": 0 },
        doc! { "context.inner.a": 0, "entity": 0 },
        doc! { "context": 0 },
        doc! { "_id": 0 },
    ] {
        let projection = Projection::parse(&projection).unwrap();
        let query = Query::new(Collection::Node, numbers()).project(projection);
        let query = query.sort(Sort::parse(&doc! { "context.v": 1 }).unwrap());
        compare(&mongo, &memory, query.clone().limit(20)).await;
        compare(&mongo, &memory, query.clone().reversed().limit(20)).await;
        let first = memory.find(query.clone().project(Projection::all()).skip(5)).await;
        let first = first.unwrap().try_next().await.unwrap().unwrap();
        let after = Position::of(&query.sort, &first).unwrap();
        compare(&mongo, &memory, query.after(after)).await;
    }
    mongo.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_cursor_ends_with_an_error_when_the_database_was_closed() {
    let (mongo, _) = both("find_closed").await;
    let query = Query::new(Collection::Node, Filter::all());
    let mut cursor = mongo.find(query.clone()).await.unwrap();
    assert!(cursor.try_next().await.unwrap().is_some());
    mongo.close().await.unwrap();
    // What had arrived by then is still there.
    assert_eq!(cursor.try_collect().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(mongo.find(query).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
#[ignore = "needs a MongoDB server"]
async fn a_hint_that_names_no_index_and_two_arrays_in_a_sort_are_invalid() {
    let stored = doc! { "_id": "n.City.a", "context": { "v": [1, 2], "w": [1, 2] } };
    let mongo = database_with("find_invalid", &[stored]).await;
    let query = Query::new(Collection::Node, Filter::all());
    let sort = Sort::parse(&doc! { "context.v": 1, "context.w": 1 }).unwrap();
    for query in
        [query.clone().hint("none"), query.clone().sort(sort.clone()), query.sort(sort).reversed()]
    {
        let error = mongo.find(query).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    mongo.close().await.unwrap();
}
