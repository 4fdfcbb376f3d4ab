//! Values of options that are types of the library: how they are written on the command line.

use crate::data::Cache;
use crate::train::Rule;
use clap::ValueEnum;
use clap::builder::PossibleValue;

impl ValueEnum for Rule {
    fn value_variants<'a>() -> &'a [Self] {
        &[Rule::Sgd, Rule::Adam, Rule::AdamW]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (alias, help) = match self {
            Rule::Sgd => ("sgd", "Stochastic gradient descent with Nesterov momentum"),
            Rule::Adam => ("adam", "Adam (arXiv:1412.6980), with decay added to the gradient"),
            Rule::AdamW => ("adamw", "Adam with decay apart from the gradient (arXiv:1711.05101)"),
        };
        Some(PossibleValue::new(self.name()).alias(alias).help(help))
    }
}

impl ValueEnum for Cache {
    fn value_variants<'a>() -> &'a [Self] {
        &[Cache::None, Cache::Ram, Cache::Disk]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Cache::None => PossibleValue::new("none").help("Nowhere: they are read each time"),
            Cache::Ram => PossibleValue::new("ram").help("In memory"),
            Cache::Disk => PossibleValue::new("disk")
                .help("In a folder `.yolo-cache` beside the images, without compression"),
        })
    }
}
