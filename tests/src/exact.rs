//! A network in double precision, in evaluation mode on the CPU: what the suites hold the other executors against.

use yolo_host::exec::Error;
use yolo_host::exec::train_cpu::{Executor, Tensor};
use yolo_host::graph::{Graph, ValueId};
use yolo_host::model::State;

/// Shape and values of a tensor, row-major.
pub type Output = (Vec<usize>, Vec<f64>);

/// Runs it on images `[batch, channels, height, width]` and gives the tensors that are asked for.
pub fn run(
    graph: &Graph,
    state: &State,
    images: &[f32],
    shape: [usize; 4],
    wanted: &[ValueId],
) -> Result<Vec<Output>, Error> {
    let mut network = Executor::<f64>::new(graph, state, wanted)?;
    let images: Vec<f64> = images.iter().map(|value| f64::from(*value)).collect();
    network.infer(&images, shape)?;
    Ok(wanted.iter().filter_map(|id| network.output(*id)).map(row_major).collect())
}

/// The executor keeps maps of four axes `[batch, height, width, channels]`.
fn row_major(tensor: &Tensor<f64>) -> Output {
    let [_, channels, height, width] = tensor.shape[..] else {
        return (tensor.shape.clone(), tensor.data.clone());
    };
    let plane = |image: &[f64], channel: usize| -> Vec<f64> {
        image.iter().skip(channel).step_by(channels).copied().collect()
    };
    let images = tensor.data.chunks_exact(channels * height * width);
    let planes = images.flat_map(|image| (0..channels).flat_map(move |channel| plane(image, channel)));
    (tensor.shape.clone(), planes.collect())
}
