//! Which unit of a file is which of the graph's, by sizes and connections: both networks are coloured by the same rule until
//! every unit has a colour of its own (Weisfeiler and Leman 1968, with a choice where units are alike).

use super::own::Own;
use crate::weights::{Sizes, Unit};
use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};

/// A file's network that is not the model's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// Units of sizes that the other has not, or not so often.
    #[error(
        "the network in the file is another: it has {file_count} layers with weights, the model {own_count}{}{}",
        own.as_ref().map_or(String::new(), |(name, sizes)| format!(
            "; the model has {name} ({sizes}), for which the file has nothing left")),
        file.as_ref().map_or(String::new(), |(place, sizes)| format!(
            "; the file has {place} ({sizes}), which the model has not"))
    )]
    Sizes {
        /// How many the model has.
        own_count: usize,
        /// How many the file has.
        file_count: usize,
        /// The model's first, its module and sizes.
        own: Option<(String, String)>,
        /// The file's first, its place and sizes.
        file: Option<(String, String)>,
    },
    /// Units of the same sizes that are connected otherwise.
    #[error(
        "the network in the file is another: its layers have the sizes of the model's, but are connected otherwise, first \
         about {own} ({sizes}) in the model and {file} in the file"
    )]
    Connections {
        /// The model's.
        own: String,
        /// The sizes of both.
        sizes: String,
        /// The file's.
        file: String,
    },
    /// More connections or more layers that are alike than can be told apart.
    #[error(
        "the network has too many connections, or layers that are too much alike, to be compared with a model"
    )]
    TooMany,
}

/// No model has more units that only their order tells apart.
const CHOICES: usize = 64;

/// Connections for each unit; several times what any model has.
const CONNECTIONS: usize = 64;

/// The place in the file of each unit of the graph.
///
/// # Errors
/// The first unit that has no counterpart.
pub fn pair(own: &[Own], file: &[Unit]) -> Result<Vec<usize>, Unlike> {
    let names: Vec<Option<&str>> = own.iter().map(|unit| unit.module.as_deref()).collect();
    let known: HashSet<&str> = names.iter().copied().flatten().collect();
    let given: Vec<Option<&str>> = file.iter().map(|unit| unit.module.as_deref()).collect();
    let shared: HashSet<&str> = given.iter().copied().flatten().filter(|name| known.contains(name)).collect();
    let mut ours =
        Net::new(own.iter().map(|unit| (&unit.sizes, unit.reads.as_slice())).collect(), &names, &shared);
    let mut theirs =
        Net::new(file.iter().map(|unit| (&unit.sizes, unit.reads.as_slice())).collect(), &given, &shared);
    if ours.connections() > CONNECTIONS * own.len() || theirs.connections() > CONNECTIONS * file.len() {
        return Err(Unlike::TooMany);
    }
    if let Some((of_own, of_file)) = ours.first_difference(&theirs) {
        let sizes = |sizes: &Sizes| sizes.to_string();
        return Err(Unlike::Sizes {
            own_count: own.len(),
            file_count: file.len(),
            own: of_own.map(|place| (own[place].place(), sizes(&own[place].sizes))),
            file: of_file.map(|place| (file[place].place.clone(), sizes(&file[place].sizes))),
        });
    }
    let (mut classes, mut choices) = (ours.classes(), 0);
    loop {
        (ours.colours, theirs.colours) = (ours.refined(), theirs.refined());
        if let Some((Some(of_own), Some(of_file))) = ours.first_difference(&theirs) {
            return Err(Unlike::Connections {
                own: own[of_own].place(),
                sizes: own[of_own].sizes.to_string(),
                file: file[of_file].place.clone(),
            });
        }
        let now = ours.classes();
        if now == own.len() {
            break;
        }
        if now == classes {
            // What is alike in every way can change places: the first takes the first.
            choices += 1;
            if choices > CHOICES || !ours.choose(&mut theirs, choices) {
                return Err(Unlike::TooMany);
            }
        }
        classes = now;
    }
    let places: HashMap<u64, usize> =
        theirs.colours.iter().enumerate().map(|(place, colour)| (*colour, place)).collect();
    let found: Option<Vec<usize>> = ours.colours.iter().map(|colour| places.get(colour).copied()).collect();
    found.ok_or(Unlike::TooMany)
}

/// One of the two networks.
struct Net<'a> {
    units: Vec<(&'a Sizes, &'a [Vec<usize>])>,
    /// Of each unit, who reads it, and in which group.
    readers: Vec<Vec<(usize, usize)>>,
    colours: Vec<u64>,
}

impl<'a> Net<'a> {
    /// The first colours: sizes, and the names that both networks have. Units that nobody reads make the outputs, whose
    /// number of channels is that of the classes; it may differ.
    fn new(
        units: Vec<(&'a Sizes, &'a [Vec<usize>])>,
        names: &[Option<&str>],
        shared: &HashSet<&str>,
    ) -> Self {
        let mut readers = vec![vec![]; units.len()];
        for (reader, (_, reads)) in units.iter().enumerate() {
            for (place, group) in reads.iter().enumerate() {
                for unit in group {
                    if let Some(readers) = readers.get_mut(*unit) {
                        readers.push((reader, place));
                    }
                }
            }
        }
        let first = |(place, (sizes, _)): (usize, &(&Sizes, _))| {
            let out = if readers[place].is_empty() { 0 } else { sizes.out };
            let name = names[place].filter(|name| shared.contains(name));
            hash(&(Sizes { out, ..**sizes }, name))
        };
        let colours = units.iter().enumerate().map(first).collect();
        Net { units, readers, colours }
    }

    fn connections(&self) -> usize {
        self.units.iter().flat_map(|(_, reads)| reads.iter()).map(Vec::len).sum()
    }

    fn classes(&self) -> usize {
        self.colours.iter().collect::<HashSet<_>>().len()
    }

    /// The next colours: each unit's own, those of what it reads and those of what reads it.
    fn refined(&self) -> Vec<u64> {
        // The image has none.
        let colour = |unit: &usize| self.colours.get(*unit).copied().unwrap_or(0);
        let next = |(place, (_, reads)): (usize, &(_, &[Vec<usize>]))| {
            let groups = reads.iter().map(|group| sorted(group.iter().map(colour)));
            let groups: Vec<Vec<u64>> = groups.collect();
            let readers = sorted(self.readers[place].iter().map(|(reader, at)| (colour(reader), *at)));
            hash(&(self.colours[place], groups, readers))
        };
        self.units.iter().enumerate().map(next).collect()
    }

    /// The first unit here whose colour the other has less often, and the first there of which this has less; none if
    /// all colours agree.
    fn first_difference(&self, other: &Net) -> Option<(Option<usize>, Option<usize>)> {
        let here = self.more_than(other);
        let there = other.more_than(self);
        (here.is_some() || there.is_some()).then_some((here, there))
    }

    fn more_than(&self, other: &Net) -> Option<usize> {
        let mut count: HashMap<u64, i64> = HashMap::new();
        other.colours.iter().for_each(|colour| *count.entry(*colour).or_default() += 1);
        self.colours.iter().position(|colour| {
            let left = count.entry(*colour).or_default();
            *left -= 1;
            *left < 0
        })
    }

    /// Gives the first of the units that are alike, here and there, a colour of its own.
    fn choose(&mut self, other: &mut Net, choice: usize) -> bool {
        let mut seen = HashSet::new();
        let Some(&colour) = self.colours.iter().find(|colour| !seen.insert(**colour)) else { return false };
        let first = |colours: &[u64]| colours.iter().position(|found| *found == colour);
        let (Some(here), Some(there)) = (first(&self.colours), first(&other.colours)) else { return false };
        let chosen = hash(&("chosen", choice));
        (self.colours[here], other.colours[there]) = (chosen, chosen);
        true
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::IMAGE;

    /// A convolution of one pixel with so many channels, that reads these.
    fn unit(out: usize, reads: &[&[usize]]) -> Unit {
        Unit {
            place: format!("Convolution of {out}"),
            module: None,
            sizes: Sizes::linear(out, 1),
            weight: vec![],
            bias: None,
            norm: None,
            reads: reads.iter().map(|group| group.to_vec()).collect(),
            behind: None,
        }
    }

    fn own(unit: &Unit) -> Own {
        Own {
            module: None,
            layer: 3,
            sizes: unit.sizes,
            weight: None,
            bias: None,
            norm: None,
            activated: None,
            act: None,
            reads: unit.reads.clone(),
        }
    }

    fn paired(model: &[Unit], file: &[Unit]) -> Result<Vec<usize>, Unlike> {
        pair(&model.iter().map(own).collect::<Vec<_>>(), file)
    }

    const IMAGES: &[&[usize]] = &[&[IMAGE]];

    #[test]
    fn connections_and_the_order_of_a_concatenation_tell_equal_sizes_apart() {
        let model = [unit(4, IMAGES), unit(4, &[&[0]]), unit(4, &[&[0]]), unit(8, &[&[1], &[2]])];
        let same = [unit(4, IMAGES), unit(4, &[&[0]]), unit(4, &[&[0]]), unit(8, &[&[2], &[1]])];
        assert_eq!(paired(&model, &model).unwrap(), [0, 1, 2, 3]);
        assert_eq!(paired(&model, &same).unwrap(), [0, 2, 1, 3]);
        // Another order altogether, and another number of channels at the end.
        let moved = [unit(9, &[&[3], &[1]]), unit(4, &[&[2]]), unit(4, IMAGES), unit(4, &[&[2]])];
        assert_eq!(paired(&model, &moved).unwrap(), [2, 3, 1, 0]);
    }

    /// Two branches that are added: each may be either.
    #[test]
    fn what_is_alike_in_every_way_is_taken_in_order() {
        let model =
            [unit(4, IMAGES), unit(4, IMAGES), unit(3, &[&[0]]), unit(3, &[&[1]]), unit(8, &[&[2, 3]])];
        let file =
            [unit(4, IMAGES), unit(3, &[&[0]]), unit(4, IMAGES), unit(3, &[&[2]]), unit(8, &[&[1, 3]])];
        let places = paired(&model, &file).unwrap();
        let whole = [[0, 2, 1, 3, 4], [2, 0, 3, 1, 4]];
        assert!(whole.iter().any(|whole| places == *whole), "{places:?}");
    }

    #[test]
    fn other_networks_are_told_by_their_first_difference() {
        let model = [unit(4, IMAGES), unit(5, &[&[0]]), unit(8, &[&[1]])];
        let told = |file: &[Unit]| paired(&model, file).unwrap_err().to_string();
        let other = told(&[unit(4, IMAGES), unit(6, &[&[0]]), unit(8, &[&[1]])]);
        assert!(
            other.contains("the model has layer 3 (5×1×1×1), for which the file has nothing left"),
            "{other}"
        );
        assert!(
            other.contains("the file has Convolution of 6 (6×1×1×1), which the model has not"),
            "{other}"
        );
        let fewer = told(&[unit(4, IMAGES), unit(8, &[&[0]])]);
        assert!(
            fewer.contains("it has 2 layers with weights, the model 3; the model has layer 3"),
            "{fewer}"
        );
        let across = told(&[unit(4, IMAGES), unit(5, &[&[0]]), unit(8, &[&[0, 1]])]);
        assert!(across.contains("connected otherwise, first about layer 3"), "{across}");
    }

    #[test]
    fn what_cannot_be_told_apart_ends_soon() {
        let alike: Vec<Unit> = (0..500).map(|_| unit(4, IMAGES)).collect();
        assert_eq!(paired(&alike, &alike), Err(Unlike::TooMany));
        let all: Vec<usize> = (0..500).collect();
        let dense: Vec<Unit> = (0..500).map(|place| unit(4, &[&all[..place]])).collect();
        assert_eq!(paired(&dense, &dense), Err(Unlike::TooMany));
        // A chain needs as many rounds as it is long.
        let chain: Vec<Unit> = (0..500usize).map(|place| unit(4, &[&[place.wrapping_sub(1)]])).collect();
        assert_eq!(paired(&chain, &chain).unwrap(), all);
    }
}
