//! Applies an update to the fields of one document.

use bson::{Bson, DateTime, Document, Timestamp};

use super::Operation;
use super::arithmetic::{Calculation, calculate, is_same};
use super::change::{Change, Clock, End};
use super::list;
use super::path::{self, Excerpt, FIELDS};
use super::rename;
use super::tree::{self, Tree};
use crate::error::{Error, Result};
use crate::filter::FieldPath;
use crate::limits::MAX_LIST_PADDING;
use crate::value;

/// One application of an update.
pub(super) struct Applying<'a> {
    operations: &'a [Operation],
    time: DateTime,
    /// Whether the document is new, so that `$setOnInsert` counts.
    inserting: bool,
    /// The values that `$rename`s found, by the number of the operation.
    moved: Vec<(usize, Bson)>,
    modified: bool,
}

/// What becomes of a value that was there.
enum Fate {
    Stays,
    Goes,
}

impl<'a> Applying<'a> {
    pub(super) fn new(operations: &'a [Operation], time: DateTime, inserting: bool) -> Self {
        Self { operations, time, inserting, moved: Vec::new(), modified: false }
    }

    /// Changes the fields and says whether anything was modified.
    pub(super) fn apply(mut self, tree: &Tree, fields: &mut Document) -> Result<bool> {
        self.find_moved(fields)?;
        if let Some(Tree::Inner(children)) = tree.child(FIELDS) {
            self.change_document(children, fields)?;
        }
        self.check_unmoved(fields)?;
        for &(number, _) in &self.moved {
            rename::remove(fields, &self.operations[number].path);
        }
        Ok(self.modified)
    }

    /// Refuses a `$rename` of an element that an earlier change has put into a list as padding.
    fn check_unmoved(&self, fields: &Document) -> Result<()> {
        for (number, Operation { path, change }) in self.operations.iter().enumerate() {
            if let Change::Rename(target) = change
                && self.moved(number).is_none()
                && tree::order_of_paths(path, target).is_lt()
            {
                rename::find(fields, path)?;
            }
        }
        Ok(())
    }

    /// Takes note of what `$rename`s move. Nothing else may change it, so it can be read before.
    fn find_moved(&mut self, fields: &Document) -> Result<()> {
        for (number, Operation { path, change }) in self.operations.iter().enumerate() {
            if let Change::Rename(target) = change
                && let Some(value) = rename::find(fields, path)?
            {
                rename::check_target(fields, target)?;
                self.moved.push((number, value));
            }
        }
        Ok(())
    }

    fn change_document(
        &mut self,
        children: &[(Box<str>, Tree)],
        document: &mut Document,
    ) -> Result<()> {
        for (name, child) in children {
            if let Some(value) = document.get_mut(name) {
                if let Fate::Goes = self.change(child, value)? {
                    document.remove(name);
                }
            } else if let Some(value) = self.create(child)? {
                document.insert(name.as_ref(), value);
            }
        }
        Ok(())
    }

    fn change_list(&mut self, children: &[(Box<str>, Tree)], items: &mut Vec<Bson>) -> Result<()> {
        for (name, child) in children {
            let Some(position) = path::position(name) else {
                self.check_unreachable(child, name, "list")?;
                continue;
            };
            if let Some(item) = items.get_mut(position) {
                if let Fate::Goes = self.change(child, item)? {
                    *item = Bson::Null;
                }
            } else if let Some(value) = self.create(child)? {
                if position - items.len() > MAX_LIST_PADDING {
                    return Err(Error::limit("position is too far behind the end of its list")
                        .with("position", position)
                        .with("length", items.len())
                        .with("limit", MAX_LIST_PADDING));
                }
                items.resize(position, Bson::Null);
                items.push(value);
            }
        }
        Ok(())
    }

    /// Applies what is below a value that is there.
    fn change(&mut self, tree: &Tree, value: &mut Bson) -> Result<Fate> {
        match tree {
            Tree::Change(number) => return self.change_value(*number, value),
            Tree::Source => {}
            Tree::Inner(children) => match value {
                Bson::Document(document) => self.change_document(children, document)?,
                Bson::Array(items) => self.change_list(children, items)?,
                other => {
                    for (name, child) in children {
                        let found = format!("{:?}", other.element_type());
                        self.check_unreachable(child, name, &found)?;
                    }
                }
            },
        }
        Ok(Fate::Stays)
    }

    /// The value for a path that leads nowhere yet.
    fn create(&mut self, tree: &Tree) -> Result<Option<Bson>> {
        let value = match tree {
            Tree::Change(number) => self.initial(*number)?,
            Tree::Source => None,
            Tree::Inner(children) => {
                let mut made = Document::new();
                for (name, child) in children {
                    if let Some(value) = self.create(child)? {
                        made.insert(name.as_ref(), value);
                    }
                }
                (!made.is_empty()).then_some(Bson::Document(made))
            }
        };
        self.modified |= value.is_some();
        Ok(value)
    }

    /// The value that an operator gives to a field that is missing.
    fn initial(&self, number: usize) -> Result<Option<Bson>> {
        Ok(match &self.operations[number].change {
            Change::Set(value) | Change::Inc(value) | Change::Min(value) | Change::Max(value) => {
                Some(value.clone())
            }
            Change::SetOnInsert(value) => self.inserting.then(|| value.clone()),
            Change::Mul(factor) => calculate(Calculation::Product, &Bson::Int32(0), factor),
            Change::CurrentDate(clock) => Some(self.now(*clock)),
            Change::Rename(_) => self.moved(number).cloned(),
            Change::Push(push) => {
                let mut items = Vec::new();
                push.push(&mut items);
                Some(Bson::Array(items))
            }
            Change::AddToSet(values) => {
                let mut items = Vec::new();
                list::add_to_set(&mut items, values);
                Some(Bson::Array(items))
            }
            Change::Unset | Change::Pull(_) | Change::Pop(_) => None,
        })
    }

    fn change_value(&mut self, number: usize, value: &mut Bson) -> Result<Fate> {
        let Operation { path, change } = &self.operations[number];
        let modified = match change {
            Change::Set(new) => replace(value, new),
            Change::SetOnInsert(new) => self.inserting && replace(value, new),
            Change::Unset => {
                self.modified = true;
                return Ok(Fate::Goes);
            }
            Change::Inc(number) => recalculate(Calculation::Sum, value, number, path, change)?,
            Change::Mul(number) => recalculate(Calculation::Product, value, number, path, change)?,
            Change::Min(bound) if value::compare(bound, value).is_lt() => replace(value, bound),
            Change::Max(bound) if value::compare(bound, value).is_gt() => replace(value, bound),
            Change::Min(_) | Change::Max(_) => false,
            Change::CurrentDate(clock) => replace(value, &self.now(*clock)),
            Change::Rename(_) => match self.moved(number) {
                Some(moved) => {
                    *value = moved.clone();
                    true
                }
                None => false,
            },
            Change::Push(push) => push.push(items(value, path, change)?),
            Change::AddToSet(values) => list::add_to_set(items(value, path, change)?, values),
            Change::Pull(condition) => condition.pull(items(value, path, change)?),
            Change::Pop(end) => {
                let items = items(value, path, change)?;
                let modified = !items.is_empty();
                match end {
                    End::First => drop(items.drain(..usize::from(modified))),
                    End::Last => drop(items.pop()),
                }
                modified
            }
        };
        self.modified |= modified;
        Ok(Fate::Stays)
    }

    fn moved(&self, number: usize) -> Option<&Bson> {
        self.moved.iter().find(|(moved, _)| *moved == number).map(|(_, value)| value)
    }

    fn now(&self, clock: Clock) -> Bson {
        match clock {
            Clock::Date => Bson::DateTime(self.time),
            Clock::Timestamp => {
                let seconds = self.time.timestamp_millis().div_euclid(1_000);
                let time = u32::try_from(seconds.max(0)).unwrap_or(u32::MAX);
                Bson::Timestamp(Timestamp { time, increment: 1 })
            }
        }
    }

    /// Refuses changes below `name` in a value that has no such field and cannot get one; `$unset`
    /// has nothing to do there.
    fn check_unreachable(&self, tree: &Tree, name: &str, found: &str) -> Result<()> {
        let number = match tree {
            Tree::Source => return Ok(()),
            Tree::Inner(children) => {
                return children
                    .iter()
                    .try_for_each(|(_, child)| self.check_unreachable(child, name, found));
            }
            Tree::Change(number) => *number,
        };
        let Operation { path, change } = &self.operations[number];
        let target = match change {
            Change::Unset => return Ok(()),
            Change::SetOnInsert(_) if !self.inserting => return Ok(()),
            Change::Rename(_) if self.moved(number).is_none() => return Ok(()),
            Change::Rename(target) => target,
            _ => path,
        };
        Err(Error::invalid("path leads through a value that cannot hold the field")
            .with("operator", change.operator())
            .with("field", Excerpt(target.as_str()))
            .with("segment", Excerpt(name))
            .with("found", found))
    }
}

/// Gives a value, and says whether it was another one, in type or content.
fn replace(value: &mut Bson, new: &Bson) -> bool {
    let modified = !value::identical(value, new);
    if modified {
        *value = new.clone();
    }
    modified
}

/// Calculates with a value that must be a number.
fn recalculate(
    calculation: Calculation,
    value: &mut Bson,
    operand: &Bson,
    path: &FieldPath,
    change: &Change,
) -> Result<bool> {
    let refused = |why: &'static str| {
        Error::invalid(why)
            .with("operator", change.operator())
            .with("field", Excerpt(path.as_str()))
    };
    if value::Class::of(value) != value::Class::Number {
        return Err(refused("operator needs a field that holds a number")
            .with("found", format_args!("{:?}", value.element_type())));
    }
    let result = calculate(calculation, value, operand)
        .ok_or_else(|| refused("result is outside 64 signed bits").with("value", &*value))?;
    let modified = !is_same(value, &result);
    if modified {
        *value = result;
    }
    Ok(modified)
}

/// The elements of a value that must be a list.
fn items<'v>(value: &'v mut Bson, path: &FieldPath, change: &Change) -> Result<&'v mut Vec<Bson>> {
    match value {
        Bson::Array(items) => Ok(items),
        other => Err(Error::invalid("operator needs a field that holds a list")
            .with("operator", change.operator())
            .with("field", Excerpt(path.as_str()))
            .with("found", format_args!("{:?}", other.element_type()))),
    }
}
