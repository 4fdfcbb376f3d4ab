//! A font for each letter: the one that is built into the program, and for letters that it lacks those of the machine,
//! which are looked through only then, and once.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, OnceLock, PoisonError};

use ab_glyph::{Font, FontArc, FontRef, FontVec};

/// DejaVu Sans: Latin, Greek and Cyrillic letters. See `assets/README.md`.
const BUILT_IN: &[u8] = include_bytes!("../../assets/DejaVuSans.subset.ttf");

/// So many letters are named in a note.
const MOST_NAMED: usize = 12;

static BUILT_IN_FONT: OnceLock<Option<FontArc>> = OnceLock::new();
static MACHINE: Mutex<Option<Machine>> = Mutex::new(None);
/// Letters without a font that no note has named yet.
static MISSING: Mutex<BTreeSet<char>> = Mutex::new(BTreeSet::new());

/// The font that is built in.
pub(super) fn built_in() -> Option<&'static FontArc> {
    let font = || FontRef::try_from_slice(BUILT_IN).ok().map(FontArc::from);
    BUILT_IN_FONT.get_or_init(font).as_ref()
}

/// The font that draws a letter, and its number; the one that is built in has number 0.
pub(super) fn of(letter: char) -> Option<(usize, FontArc)> {
    let built_in = built_in()?;
    if built_in.glyph_id(letter).0 != 0 {
        return Some((0, built_in.clone()));
    }
    let mut machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let found = machine.get_or_insert_with(Machine::of_system).font(letter);
    if found.is_none() {
        MISSING.lock().unwrap_or_else(PoisonError::into_inner).insert(letter);
    }
    found
}

/// Letters that show nothing, and none that is needed: joiners, marks of direction, variants, ends of lines.
pub(super) fn is_shown(letter: char) -> bool {
    let invisible = matches!(letter, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E01EF}');
    !invisible && !letter.is_control()
}

/// What to tell the user about letters that no font has, if there are any of which nothing was told yet.
pub fn font_note() -> Option<String> {
    let letters = std::mem::take(&mut *MISSING.lock().unwrap_or_else(PoisonError::into_inner));
    note(&letters)
}

fn note(letters: &BTreeSet<char>) -> Option<String> {
    // CJK's own signs, kana, Hangul, and full-width letters.
    let east = |letter: &char| {
        matches!(letter, '\u{1100}'..='\u{11FF}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FFEF}' | '\u{20000}'..='\u{3FFFF}')
    };
    let package = if letters.iter().any(east) { "fonts-noto-cjk" } else { "fonts-noto-core" };
    let named: String = letters.iter().take(MOST_NAMED).collect();
    let more = if letters.len() > MOST_NAMED { "…" } else { "" };
    (!letters.is_empty()).then(|| {
        format!(
            "no font on this machine has the letters {named}{more}: classes are drawn as numbers where their names need \
             them; install a font, such as the package {package}"
        )
    })
}

/// The fonts of a machine.
struct Machine {
    database: fontdb::Database,
    /// Best first.
    faces: Vec<fontdb::ID>,
    /// Those that have drawn a letter.
    loaded: Vec<FontArc>,
    found: HashMap<char, Option<usize>>,
}

impl Machine {
    fn of_system() -> Self {
        let mut database = fontdb::Database::new();
        database.load_system_fonts();
        Machine::new(database)
    }

    fn new(database: fontdb::Database) -> Self {
        // Upright, neither thin nor bold, without serifs; then by name, so that it is the same font every time.
        let rank = |face: &fontdb::FaceInfo| {
            let plain = face.style != fontdb::Style::Normal || face.stretch != fontdb::Stretch::Normal;
            let sans = face.post_script_name.to_lowercase().contains("serif") || face.monospaced;
            (plain, face.weight.0.abs_diff(400), sans, face.post_script_name.clone())
        };
        let mut faces: Vec<_> = database.faces().map(|face| (rank(face), face.id)).collect();
        faces.sort_by(|a, b| a.0.cmp(&b.0));
        let faces = faces.into_iter().map(|face| face.1).collect();
        Machine { database, faces, loaded: Vec::new(), found: HashMap::new() }
    }

    /// The font that draws a letter, with its number from 1.
    fn font(&mut self, letter: char) -> Option<(usize, FontArc)> {
        let place = match self.found.get(&letter) {
            Some(place) => *place,
            None => {
                let place = self.find(letter);
                self.found.insert(letter, place);
                place
            }
        }?;
        Some((place + 1, self.loaded.get(place)?.clone()))
    }

    fn find(&mut self, letter: char) -> Option<usize> {
        if let Some(place) = self.loaded.iter().position(|font| draws(font, letter)) {
            return Some(place);
        }
        let has = |data: &[u8], index: u32| {
            FontRef::try_from_slice_and_index(data, index).is_ok_and(|font| draws(&font, letter))
        };
        let has = |id: &&fontdb::ID| self.database.with_face_data(**id, has).unwrap_or(false);
        let id = *self.faces.iter().find(has)?;
        let load = |data: &[u8], index: u32| FontVec::try_from_vec_and_index(data.to_vec(), index);
        let font = self.database.with_face_data(id, load)?.ok()?;
        self.loaded.push(FontArc::new(font));
        Some(self.loaded.len() - 1)
    }
}

/// Whether a font has lines for a letter; those of coloured images have none.
fn draws(font: &impl Font, letter: char) -> bool {
    let id = font.glyph_id(letter);
    id.0 != 0 && font.outline(id).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_many_languages_are_built_in() {
        for letter in "Az09 .:%()-_/&'\"#+ÄßéñÇøÅłőžΩλЖяё–—“”…€→".chars() {
            assert_eq!(of(letter).map(|font| font.0), Some(0), "{letter}");
        }
    }

    #[test]
    fn a_machine_s_fonts_are_searched() {
        let mut database = fontdb::Database::new();
        database.load_font_data(b"no font".to_vec());
        database.load_font_data(BUILT_IN.to_vec());
        let mut machine = Machine::new(database);
        assert_eq!(machine.font('é').map(|font| font.0), Some(1));
        assert_eq!(machine.font('Ж').map(|font| font.0), Some(1), "loaded once");
        assert_eq!(machine.loaded.len(), 1);
        assert!(machine.font('狗').is_none());
        assert!(Machine::new(fontdb::Database::new()).font('é').is_none());
    }

    #[test]
    fn the_note_names_letters_and_a_package() {
        assert_eq!(note(&BTreeSet::new()), None);
        let told = note(&"狗猫".chars().collect()).expect("a note");
        assert!(told.contains("has the letters 狗猫: ") && told.ends_with("fonts-noto-cjk"), "{told}");
        let told = note(&('\u{0E01}'..='\u{0E20}').collect()).expect("a note");
        assert!(told.contains("…: ") && told.ends_with("fonts-noto-core"), "{told}");
    }
}
