//! The plain form in which nearly every aws-auth is written, read line by line.
//!
//! A general parser takes most of the time that it takes to plan a cluster. What is read here is a narrow part of YAML
//! that every version and every parser of it takes in one way only: a block list of rows in one column, one key a line,
//! each value a scalar on that line; groups may also be a block list or a list in brackets on one line. Scalars stand in
//! quotes without escapes, or plain, begin with a letter and consist of letters, digits and a few signs. Everything else
//! is left to the general parser: other keys, keys given twice, values that are missing or may be no text, tabs, carriage
//! returns, letters beyond ASCII, anchors, tags, several lines, several documents. Where this reader answers, it says
//! what the general one says, which tests hold it to.

use super::{Row, Rows, scalar};
use crate::model::Section;

/// Below this length no text can have as many nodes as the general reader refuses.
const MOST_BYTES: usize = 2_000_000;

/// Parsers limit some lines to 1,024 characters; longer ones are rare enough to be left to them.
const LONGEST_LINE: usize = 1_000;

/// The rows, when all of the text is of the plain form.
pub(super) fn read(section: Section, text: &str) -> Option<Rows> {
    walk(section, text).map(|reader| Rows { rows: reader.rows, dropped: Vec::new() })
}

/// The bytes at which the lines with the rows' dashes begin, when all of the text is of the plain form.
pub(super) fn starts(section: Section, text: &str) -> Option<Vec<usize>> {
    walk(section, text).map(|reader| reader.starts)
}

fn walk(section: Section, text: &str) -> Option<Reader<'_>> {
    let plain = |byte: u8| byte == b'\n' || (b' '..=b'~').contains(&byte);
    if text.len() > MOST_BYTES || !text.bytes().all(plain) {
        return None;
    }
    let mut reader = Reader { section, dashes: None, row: None, rows: Vec::new(), starts: Vec::new() };
    let mut start = 0;
    for line in text.split('\n') {
        reader.line(start, line)?;
        start += line.len() + 1;
    }
    reader.finish_row()?;
    // A text without rows may be a null, or nothing at all.
    (!reader.rows.is_empty()).then_some(reader)
}

/// No word that begins with a letter and means anything but itself is longer: `false`.
const LONGEST_NAME: usize = 5;

struct Reader<'t> {
    section: Section,
    /// The column of the rows' dashes.
    dashes: Option<usize>,
    row: Option<Open<'t>>,
    rows: Vec<Row>,
    starts: Vec<usize>,
}

/// A row that is being read.
#[derive(Default)]
struct Open<'t> {
    /// The column in which its keys begin.
    keys: usize,
    arn: Option<&'t str>,
    username: Option<&'t str>,
    groups: Option<Vec<String>>,
    /// Where the lines of a block list of groups are expected.
    list: List,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum List {
    #[default]
    Closed,
    /// The first item must come.
    Empty,
    /// More items may come in this column.
    Column(usize),
}

impl<'t> Reader<'t> {
    fn line(&mut self, start: usize, line: &'t str) -> Option<()> {
        if line.len() > LONGEST_LINE {
            return None;
        }
        let content = line.trim_start_matches(' ');
        let column = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') {
            return Some(());
        }
        let Some(rest) = content.strip_prefix("- ") else { return self.key(column, content) };
        if *self.dashes.get_or_insert(column) != column {
            return self.row.as_mut()?.item(column, rest);
        }
        self.starts.push(start);
        let first = rest.trim_start_matches(' ');
        if self.section == Section::Accounts {
            let (index, arn) = (self.rows.len(), alone(first, account)?.to_owned());
            self.rows.push(Row { index, arn, username: String::new(), groups: Vec::new() });
            return Some(());
        }
        self.finish_row()?;
        let keys = column + content.len() - first.len();
        self.row = Some(Open { keys, ..Open::default() });
        self.key(keys, first)
    }

    fn key(&mut self, column: usize, content: &'t str) -> Option<()> {
        let row = self.row.as_mut().filter(|row| row.keys == column && row.list != List::Empty)?;
        row.list = List::Closed;
        let (name, value) = key_of(content)?;
        let arn = if self.section == Section::Users { "userarn" } else { "rolearn" };
        if name == arn {
            // Without an ARN the row drops out, with a reason that the general reader knows.
            let value = alone(value, text).filter(|arn| !arn.is_empty())?;
            return once(&mut row.arn, value);
        }
        if name == "username" {
            return once(&mut row.username, alone(value, text)?);
        }
        if name != "groups" {
            return None;
        }
        if let Some(list) = value.strip_prefix('[') {
            return once(&mut row.groups, brackets(list)?);
        }
        if !ends(value) {
            return None;
        }
        row.list = List::Empty;
        once(&mut row.groups, Vec::new())
    }

    fn finish_row(&mut self) -> Option<()> {
        let Some(row) = self.row.take() else { return Some(()) };
        if row.list == List::Empty {
            return None;
        }
        self.rows.push(Row {
            index: self.rows.len(),
            arn: row.arn?.to_owned(),
            username: row.username.unwrap_or_default().to_owned(),
            groups: row.groups.unwrap_or_default(),
        });
        Some(())
    }
}

impl Open<'_> {
    /// An item of a block list of groups, which may stand in the column of the keys or deeper.
    fn item(&mut self, column: usize, rest: &str) -> Option<()> {
        let fits = match self.list {
            List::Closed => false,
            List::Empty => column >= self.keys,
            List::Column(expected) => column == expected,
        };
        if !fits {
            return None;
        }
        self.list = List::Column(column);
        let item = alone(rest.trim_start_matches(' '), text)?;
        self.groups.as_mut()?.push(item.to_owned());
        Some(())
    }
}

/// Sets what may be given once.
fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

/// The key with which the line begins, in quotes or not, and what stands behind its colon.
fn key_of(content: &str) -> Option<(&str, &str)> {
    let (key, rest) = content.split_at_checked(content.bytes().position(|byte| byte == b':')?)?;
    let rest = rest.get(1..)?;
    let value = rest.trim_start_matches(' ');
    // A colon is one only before a space or the line's end.
    if value.len() == rest.len() && !rest.is_empty() {
        return None;
    }
    let inner = |quote| key.strip_prefix(quote).and_then(|key| key.strip_suffix(quote));
    Some((inner('"').or_else(|| inner('\'')).unwrap_or(key), value))
}

/// Whether nothing but space and a comment is left of the line; a comment must have a space before it.
fn ends(rest: &str) -> bool {
    let content = rest.trim_start_matches(' ');
    content.is_empty() || (content.starts_with('#') && content.len() < rest.len())
}

/// The scalar with which the text begins, when nothing follows it on the line.
fn alone(value: &str, plain: impl Fn(&str) -> bool) -> Option<&str> {
    let (scalar, rest) = scalar_of(value, |byte| byte == b' ', plain)?;
    ends(rest).then_some(scalar)
}

/// The scalar with which the text begins, and what follows it; `over` is where a plain one is over.
fn scalar_of(value: &str, over: impl Fn(u8) -> bool, plain: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
    if let Some(quoted) = value.strip_prefix('"') {
        let (inner, rest) = quoted.split_once('"')?;
        return (!inner.contains('\\')).then_some((inner, rest));
    }
    if let Some(quoted) = value.strip_prefix('\'') {
        // Two of them in a row are one of the text's own.
        return quoted.split_once('\'').filter(|(_, rest)| !rest.starts_with('\''));
    }
    let length = value.bytes().position(over).unwrap_or(value.len());
    let (word, rest) = value.split_at_checked(length)?;
    plain(word).then_some((word, rest))
}

/// Whether the word is certainly text when it stands plain, outside of brackets.
fn text(word: &str) -> bool {
    is_text(word, |byte| matches!(byte, b'{' | b'}'))
}

fn is_text(word: &str, further: impl Fn(u8) -> bool) -> bool {
    let sign =
        |byte| byte < 128 && (matches!(byte, b'.' | b'_' | b'/' | b'@' | b'+' | b'=' | b'-' | b':') || further(byte));
    word.starts_with(|first: char| first.is_ascii_alphabetic())
        && !word.ends_with(':')
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || sign(byte))
        && (word.len() > LONGEST_NAME || scalar::resolve(word) == scalar::Kind::Text)
}

/// Whether the word is certainly taken as it is written in mapAccounts: digits are, whatever number they are.
fn account(word: &str) -> bool {
    (!word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())) || text(word)
}

/// The items of a list in brackets that ends on this line, behind its opening one.
fn brackets(list: &str) -> Option<Vec<String>> {
    let mut items = Vec::new();
    let mut rest = list.trim_start_matches(' ');
    if let Some(rest) = rest.strip_prefix(']') {
        return ends(rest).then_some(items);
    }
    loop {
        // A colon before a sign means other things to other parsers.
        let plain = |word: &str| {
            let colons = word.split(':').skip(1).all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()));
            colons && is_text(word, |_| false)
        };
        let (item, behind) = scalar_of(rest, |byte| matches!(byte, b' ' | b',' | b']'), plain)?;
        items.push(item.to_owned());
        let behind = behind.trim_start_matches(' ');
        if let Some(behind) = behind.strip_prefix(']') {
            return ends(behind).then_some(items);
        }
        rest = behind.strip_prefix(',')?.trim_start_matches(' ');
    }
}
