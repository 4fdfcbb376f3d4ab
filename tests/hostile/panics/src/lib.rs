//! A plugin in Rust whose block panics where its argument says: 0 build, 1 shape, 2 forward; 3 is build, with a value that
//! panics again when it is dropped.

use yolo_plugin::{Args, Block, Builder, Input, Operation, Param, Value, export, register};

static HOSTILE: Block = Block::new("Hostile", "panics", build).params(&[Param::int("where")]);

static TWICE: Operation = Operation::new("twice", shape, forward);

struct Again;

impl Drop for Again {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

fn build(b: &mut Builder, x: &[Value], args: &Args) -> Value {
    if args.int("where") == 0 {
        panic!("in build");
    }
    if args.int("where") == 3 {
        std::panic::panic_any(Again);
    }
    b.custom(&TWICE, x, &[args.int("where") as f64])
}

fn shape(inputs: &[&[usize]], numbers: &[f64]) -> Result<Vec<usize>, String> {
    if numbers[0] == 1.0 {
        panic!("in shape");
    }
    Ok(inputs[0].to_vec())
}

fn forward(inputs: &[Input], numbers: &[f64], output: &mut [f32]) -> Result<(), String> {
    if numbers[0] == 2.0 {
        panic!("in forward");
    }
    for (y, x) in output.iter_mut().zip(inputs[0].data) {
        *y = 2.0 * x;
    }
    Ok(())
}

register!(HOSTILE);
export!();
