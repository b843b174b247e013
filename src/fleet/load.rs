//! Settings and policy from disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::civil::Date;

use crate::{
    model::Principal,
    policy::{self, Policy},
    settings::{self, Settings},
    source::{Diagnostic, Diagnostics, SourceFile},
};

/// What a pass works with.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// The settings.
    pub settings: Settings,
    /// The policy, its files merged.
    pub policy: Policy,
}

/// Everything that loading found: the inputs when there is no error, the diagnostics and the files they speak of.
#[derive(Debug)]
pub struct Loaded {
    /// The inputs; `None` when any diagnostic is an error.
    pub inputs: Option<Inputs>,
    /// Errors and warnings of all files.
    pub diagnostics: Diagnostics,
    /// Every file that was read, for snippets.
    pub files: Vec<SourceFile>,
    /// Every file and directory that was named, to be watched for changes.
    pub paths: Vec<PathBuf>,
}

impl Loaded {
    /// Nothing is read yet.
    fn nothing(settings_path: &Path) -> Self {
        let paths = vec![settings_path.to_owned()];
        Self { inputs: None, diagnostics: Diagnostics::default(), files: Vec::new(), paths }
    }

    /// The diagnostics as people read them.
    pub fn render(&self, color: bool) -> String {
        self.diagnostics.render(&self.files, color)
    }
}

/// The directory that the settings' relative paths start from.
fn dir_of(settings_path: &Path) -> &Path {
    settings_path.parent().unwrap_or(Path::new(""))
}

/// Reads the settings alone, for what needs no policy; the policy is empty, whatever files the settings name.
pub fn load_settings(settings_path: &Path) -> Loaded {
    let mut loaded = Loaded::nothing(settings_path);
    let Some(file) = read(settings_path, None, &mut loaded.diagnostics) else { return loaded };
    let settings = settings::parse_without_policy(&file, dir_of(settings_path), &mut loaded.diagnostics);
    loaded.files.push(file);
    loaded.inputs = settings.map(|settings| Inputs { settings, policy: Policy::default() });
    loaded
}

/// Reads the settings and every policy file they name; collects every error of every file.
pub fn load(settings_path: &Path, today: Date) -> Loaded {
    let mut loaded = Loaded::nothing(settings_path);
    let Some(file) = read(settings_path, None, &mut loaded.diagnostics) else { return loaded };
    let dir = dir_of(settings_path);
    let settings = settings::parse(&file, dir, &mut loaded.diagnostics);
    let named = match &settings {
        Some(settings) => settings.policy.clone(),
        None => settings::named_policies(&file, dir),
    };
    loaded.files.push(file);
    let files = policy_files(&named, settings_path, &mut loaded);
    // Without a file there is nothing to say of the policy beyond what was said of the settings.
    let policy = if files.is_empty() { None } else { policy::parse(&files, &mut loaded.diagnostics) };
    loaded.files.extend(files);
    if let Some(policy) = &policy {
        loaded.diagnostics.extend(policy::lint(policy, today));
    }
    if let Some((settings, policy)) = settings.as_ref().zip(policy.as_ref()) {
        needs_identity_center(settings, policy, &mut loaded.diagnostics);
    }
    if !loaded.diagnostics.has_errors() {
        loaded.inputs = settings.zip(policy).map(|(settings, policy)| Inputs { settings, policy });
    }
    loaded
}

/// Directory groups are looked up where the settings say that Identity Center is; no region is guessed.
fn needs_identity_center(settings: &Settings, policy: &Policy, diagnostics: &mut Diagnostics) {
    if settings.scope.identity_center.is_some() {
        return;
    }
    let groups = policy.access.iter().filter(|entry| matches!(entry.who.principal, Principal::DirectoryGroup(_)));
    for entry in groups {
        let message = format!("{} needs `identityCenter.region` in the settings", entry.who);
        let error = Diagnostic::error(entry.spot.source.file.clone(), entry.spot.span, message);
        diagnostics.push(error.help("write there in which region Identity Center is: `identityCenter: {region: …}`"));
    }
}

fn policy_files(paths: &[PathBuf], settings_path: &Path, loaded: &mut Loaded) -> Vec<SourceFile> {
    let mut files = Vec::new();
    for path in paths {
        loaded.paths.push(path.clone());
        let names = match list(path) {
            Ok(names) => names,
            Err(error) => {
                loaded.diagnostics.push(unreadable(path, Some(settings_path), &error));
                continue;
            }
        };
        if names.is_empty() {
            let message = format!("the directory {} holds no .yaml or .yml file", path.display());
            loaded.diagnostics.push(Diagnostic::error(settings_path.display().to_string(), None, message));
        }
        for name in names {
            files.extend(read(&name, Some(settings_path), &mut loaded.diagnostics));
        }
    }
    files
}

/// The file itself, or the YAML files right in the directory, sorted; hidden ones, such as the `..data` that Kubernetes
/// puts into mounted ConfigMaps, are left out.
fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let yaml = path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml");
        if yaml && !hidden && fs::metadata(&path)?.is_file() {
            names.push(path);
        }
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path, named_by: Option<&Path>, diagnostics: &mut Diagnostics) -> Option<SourceFile> {
    let name = path.display().to_string();
    let file = match fs::read(path) {
        Ok(bytes) => SourceFile::decode(&name, bytes),
        Err(error) => Err(Box::new(unreadable(path, named_by, &error))),
    };
    file.map_err(|diagnostic| diagnostics.push(*diagnostic)).ok()
}

fn unreadable(path: &Path, named_by: Option<&Path>, error: &io::Error) -> Diagnostic {
    let named = named_by.map(|settings| format!(" (named under `policy` in {})", settings.display()));
    let message = format!("cannot read {}: {error}{}", path.display(), named.unwrap_or_default());
    let diagnostic = Diagnostic::error(path.display().to_string(), None, message);
    match named_by {
        None if error.kind() == io::ErrorKind::NotFound => {
            diagnostic.help("name the settings file with --settings FILE or ROLECALL_SETTINGS")
        }
        _ => diagnostic,
    }
}
