//! The statements of a text.

use super::Unreadable;
use super::cursor::{As, Cursor, Place, Word};
use super::draft::Draft;
use crate::Direction;

/// What may stand in a text, for errors.
const STATEMENTS: &str = "accepted are boxes (key: label {class: state}), arrows (a -> b), title and direction";
/// Words that D2 gives a meaning of their own where boxes are named.
const RESERVED: [&str; 22] = [
    "classes",
    "constraint",
    "desc",
    "filled",
    "grid-columns",
    "grid-gap",
    "grid-rows",
    "height",
    "icon",
    "layers",
    "link",
    "near",
    "scenarios",
    "shape",
    "source-arrowhead",
    "steps",
    "style",
    "target-arrowhead",
    "tooltip",
    "top",
    "vars",
    "width",
];

/// Reads all statements.
pub(super) fn all(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Unreadable> {
    loop {
        cursor.skip_between();
        let place = cursor.place();
        match cursor.peek() {
            None => return Ok(()),
            Some('}') => return place.refuse("this } closes nothing"),
            Some(_) => one(cursor, draft)?,
        }
    }
}

fn one(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Unreadable> {
    let first = key(cursor)?;
    if first.is("title") {
        title(cursor, draft)?;
    } else if first.is("direction") {
        direction(cursor, draft)?;
    } else if cursor.at_arrow() {
        arrows(cursor, draft, &first)?;
    } else {
        the_box(cursor, draft, &first)?;
    }
    end(cursor)
}

/// Refuses what is left of a statement.
fn end(cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
    cursor.skip_blanks();
    if cursor.at_end_of_statement() {
        return Ok(());
    }
    cursor.place().refuse(format!("{} is not understood here; {STATEMENTS}", cursor.shown()))
}

/// Reads the key of a box.
fn key(cursor: &mut Cursor<'_>) -> Result<Word, Unreadable> {
    cursor.skip_blanks();
    let place = cursor.place();
    if let Some(sign) = cursor.peek().filter(|sign| "([&!@".contains(*sign)) {
        return place.refuse(format!("a key cannot start with {sign:?}; put it in quotes, or: {STATEMENTS}"));
    }
    if cursor.starts_with("...") {
        return place.refuse(format!("imports are not served; {STATEMENTS}"));
    }
    let key = cursor.word(As::Key)?;
    if key.text.is_empty() && !key.quoted {
        return place.refuse(format!("a key is expected, found {}; {STATEMENTS}", cursor.shown()));
    }
    if let Some(word) = RESERVED.iter().find(|word| key.is(word)) {
        return key.refuse(match *word {
            "classes" => format!("cannot be defined; built in are {}", super::draft::CLASSES),
            _ => format!("is not served; {STATEMENTS}; a key of this name is written in quotes"),
        });
    }
    cursor.skip_blanks();
    Ok(key)
}

fn title(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Unreadable> {
    colon(cursor, "title")?;
    let text = cursor.word(As::Text)?;
    if text.text.is_empty() {
        return text.place.refuse("the title is empty; write title: text");
    }
    draft.diagram().graph.title = Some(text.text);
    in_braces(cursor, |cursor| {
        let (key, value) = (cursor.word(As::Key)?, value(cursor)?);
        let expected = match () {
            () if key.is("shape") => "text",
            () if key.is("near") => "top-center",
            () => return key.refuse("is not served for a title; accepted are shape: text and near: top-center"),
        };
        match value.text == expected {
            true => Ok(()),
            false => value.refuse(format!("is not served here; a title has {}: {expected}", key.text)),
        }
    })
}

fn direction(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Unreadable> {
    colon(cursor, "direction")?;
    let name = cursor.word(As::Text)?;
    let direction = match name.text.parse::<Direction>() {
        Ok(direction) if !name.text.is_empty() => direction,
        _ => return name.refuse("is no direction; directions are up, down, left and right"),
    };
    draft.diagram().direction = Some(direction);
    Ok(())
}

fn colon(cursor: &mut Cursor<'_>, name: &str) -> Result<(), Unreadable> {
    let place = cursor.place();
    match cursor.take(":") {
        true => Ok(()),
        false => place.refuse(format!(
            "{name} is followed by {}, not by a colon; a box of this name is written in quotes",
            cursor.shown()
        )),
    }
}

/// Reads a value behind its colon.
fn value(cursor: &mut Cursor<'_>) -> Result<Word, Unreadable> {
    cursor.skip_blanks();
    let place = cursor.place();
    if !cursor.take(":") {
        return place.refuse(format!("a colon and a value are expected, found {}", cursor.shown()));
    }
    cursor.word(As::Text)
}

/// A box, or a property of one: `key`, `key: label {…}`, `key.class: name`.
fn the_box(cursor: &mut Cursor<'_>, draft: &mut Draft, key: &Word) -> Result<(), Unreadable> {
    if cursor.take(".") {
        let name = cursor.word(As::Key)?;
        let at = match name.is("class") || name.is("label") {
            true => draft.named(key)?,
            false => {
                return name
                    .refuse("is not served behind a dot: there are no boxes in boxes; accepted are class and label");
            }
        };
        return property(cursor, draft, at, &name);
    }
    let at = draft.named(key)?;
    if cursor.take(":") {
        let label = cursor.word(As::Text)?;
        if !label.text.is_empty() || label.quoted {
            draft.node(at).label = label.text;
        }
    }
    in_braces(cursor, |cursor| {
        let name = cursor.word(As::Key)?;
        property(cursor, draft, at, &name)
    })
}

/// A property of a box, behind its name.
fn property(cursor: &mut Cursor<'_>, draft: &mut Draft, at: usize, name: &Word) -> Result<(), Unreadable> {
    if name.is("label") {
        draft.node(at).label = value(cursor)?.text;
        return Ok(());
    }
    if !name.is("class") {
        return name
            .refuse("is not served in a box: there are no boxes in boxes and no styles; accepted are class and label");
    }
    let classes = names(cursor)?;
    draft.classify(at, &classes)
}

/// Names behind a colon: one, or several as `[a; b]`.
fn names(cursor: &mut Cursor<'_>) -> Result<Vec<Word>, Unreadable> {
    cursor.skip_blanks();
    let place = cursor.place();
    if !cursor.take(":") {
        return place.refuse(format!("a colon and a class are expected, found {}", cursor.shown()));
    }
    cursor.skip_blanks();
    let start = cursor.place();
    if !cursor.take("[") {
        return Ok(vec![cursor.word(As::Text)?]);
    }
    let mut names = Vec::new();
    loop {
        cursor.skip_between();
        if cursor.take("]") {
            return Ok(names);
        }
        if cursor.peek().is_none() {
            return start.refuse("this [ is never closed");
        }
        let name = cursor.word(As::Member)?;
        if name.text.is_empty() {
            return name.place.refuse(format!("a class is expected, found {}", cursor.shown()));
        }
        names.push(name);
    }
}

/// Arrows behind the first key: `a -> b <- c: {class: dependency}`.
fn arrows(cursor: &mut Cursor<'_>, draft: &mut Draft, first: &Word) -> Result<(), Unreadable> {
    let mut at = draft.named(first)?;
    let mut found: Vec<(usize, usize, Place)> = Vec::new();
    while cursor.at_arrow() {
        let place = cursor.place();
        let backwards = cursor.take("<");
        // As in D2, an arrow may be long.
        while cursor.starts_with("-") {
            cursor.take("-");
        }
        let forwards = cursor.take(">");
        if forwards == backwards {
            return place.refuse("an arrow has one head; accepted are -> and <-");
        }
        let next = key(cursor)?;
        if cursor.starts_with(".") {
            return cursor.place().refuse("there are no boxes in boxes; an arrow goes from one key to another");
        }
        let next = draft.named(&next)?;
        found.push(if forwards { (at, next, place) } else { (next, at, place) });
        at = next;
    }
    let dashed = form(cursor)?;
    found.into_iter().try_for_each(|(from, to, place)| draft.connect(from, to, dashed, place))
}

/// Whether arrows are dashed: what stands behind them, if anything.
fn form(cursor: &mut Cursor<'_>) -> Result<bool, Unreadable> {
    if cursor.take(":") {
        let label = cursor.word(As::Text)?;
        if !label.text.is_empty() {
            return label.refuse("is not served: arrows have no labels; accepted is {class: dependency}");
        }
    }
    let mut dashed = false;
    in_braces(cursor, |cursor| {
        let name = cursor.word(As::Key)?;
        match () {
            () if name.is("class") => dashed = is_dependency(&names(cursor)?)?,
            () if name.is("style") && cursor.take(".") => {
                let style = cursor.word(As::Key)?;
                dashed = is_dashed(cursor, &style)?;
            }
            () if name.is("style") => {
                cursor.skip_blanks();
                cursor.take(":");
                in_braces(cursor, |cursor| {
                    let style = cursor.word(As::Key)?;
                    dashed = is_dashed(cursor, &style)?;
                    Ok(())
                })?;
            }
            () => return name.refuse("is not served for an arrow; accepted are class and style.stroke-dash"),
        }
        Ok(())
    })?;
    Ok(dashed)
}

fn is_dependency(classes: &[Word]) -> Result<bool, Unreadable> {
    let mut dashed = false;
    for class in classes {
        dashed = match class.text.as_str() {
            "dependency" => true,
            "subtask" => false,
            _ => return class.refuse("is no class of an arrow; classes are subtask and dependency"),
        };
    }
    Ok(dashed)
}

fn is_dashed(cursor: &mut Cursor<'_>, style: &Word) -> Result<bool, Unreadable> {
    if !style.is("stroke-dash") {
        return style.refuse("is not served as a style; accepted is stroke-dash");
    }
    let dash = value(cursor)?;
    match dash.text.parse::<u8>() {
        Ok(dash) if dash <= 10 => Ok(dash > 0),
        _ => dash.refuse("is no stroke-dash; accepted are 0, an unbroken line, to 10"),
    }
}

/// Reads statements in braces, if braces come next.
fn in_braces(
    cursor: &mut Cursor<'_>,
    mut one: impl FnMut(&mut Cursor<'_>) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    cursor.skip_blanks();
    let start = cursor.place();
    if !cursor.take("{") {
        return Ok(());
    }
    loop {
        cursor.skip_between();
        if cursor.take("}") {
            return Ok(());
        }
        if cursor.peek().is_none() {
            return start.refuse("this { is never closed");
        }
        let before = cursor.place();
        one(cursor)?;
        cursor.skip_blanks();
        if cursor.place() == before || !cursor.at_end_of_statement() {
            return cursor.place().refuse(format!("{} is not understood here", cursor.shown()));
        }
    }
}
