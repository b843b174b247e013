//! YAML as people like to read it: short things in one line, long ones in lines of their own.

/// The columns that a line may have.
const WIDTH: usize = 110;

/// A value to be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Yaml {
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t String>) -> Self {
        Self::List(texts.into_iter().cloned().map(Self::Text).collect())
    }

    /// In one line.
    pub(super) fn flow(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            Self::List(items) => format!("[{}]", items.iter().map(Self::flow).collect::<Vec<_>>().join(", ")),
            Self::Map(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{}: {}", scalar(key), value.flow())).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }
}

/// Writes an item of a list: in one line where it fits and is asked to, else a key a line.
pub(super) fn item(out: &mut String, indent: usize, entries: &[(String, Yaml)], in_one_line: bool) {
    let line = format!("{:indent$}- {}", "", Yaml::Map(entries.to_vec()).flow());
    if in_one_line && columns(&line) <= WIDTH {
        out.push_str(&line);
        out.push('\n');
        return;
    }
    for (index, (key, value)) in entries.iter().enumerate() {
        let lead = if index == 0 { format!("{:indent$}- ", "") } else { format!("{:1$}", "", indent + 2) };
        entry(out, &lead, indent + 2, key, value);
    }
}

/// Writes a key and its value; `lead` is what its line begins with.
fn entry(out: &mut String, lead: &str, indent: usize, key: &str, value: &Yaml) {
    let line = format!("{lead}{}: {}", scalar(key), value.flow());
    if columns(&line) <= WIDTH {
        out.push_str(&line);
        out.push('\n');
        return;
    }
    let start = format!("{lead}{}:", scalar(key));
    match value {
        Yaml::Text(_) => {
            out.push_str(&line);
            out.push('\n');
        }
        Yaml::Map(entries) => {
            out.push_str(&start);
            out.push('\n');
            let lead = format!("{:1$}", "", indent + 2);
            for (key, value) in entries {
                entry(out, &lead, indent + 2, key, value);
            }
        }
        Yaml::List(items) if items.iter().all(|item| matches!(item, Yaml::Text(_))) => {
            filled(out, &format!("{start} ["), indent + 2, items);
        }
        Yaml::List(items) => {
            out.push_str(&start);
            out.push('\n');
            for one in items {
                match one {
                    Yaml::Map(entries) => item(out, indent + 2, entries, true),
                    other => out.push_str(&format!("{:2$}- {}\n", "", other.flow(), indent + 2)),
                }
            }
        }
    }
}

/// Writes texts after each other, in as few lines as there have to be.
fn filled(out: &mut String, start: &str, indent: usize, items: &[Yaml]) {
    let mut line = start.to_owned();
    for (index, item) in items.iter().enumerate() {
        let text = format!("{}{}", item.flow(), if index + 1 == items.len() { "]" } else { "," });
        if columns(&line) + columns(&text) + 1 > WIDTH && !line.ends_with('[') {
            out.push_str(&line);
            out.push('\n');
            line = format!("{:indent$}", "");
        } else if index > 0 {
            line.push(' ');
        }
        line.push_str(&text);
    }
    out.push_str(&line);
    out.push('\n');
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

/// A text as it stands in a line: in quotes unless every reader of YAML takes it for that text without them.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    let stars = text.strip_suffix("/**").unwrap_or(text);
    let stars = stars.strip_suffix('*').unwrap_or(stars);
    let (before, after) = stars.split_once(':').unwrap_or((stars, "x"));
    if starts && !word && before.chars().all(plain) && !after.is_empty() && after.chars().all(plain) {
        return text.to_owned();
    }
    serde_json::to_string(text).unwrap_or_default()
}
