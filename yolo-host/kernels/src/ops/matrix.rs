//! Matrix products and softmax, as attention and linear layers need them. They are small beside the convolutions.
#![allow(unsafe_code)] // `vectorised!` calls loops that are compiled for more than the baseline processor

use crate::base::Float;
use crate::base::parallel::chunks_mut;
use crate::base::simd::vectorised;

vectorised! {
    fn row_product<T: Float>(row: &[T], b: &[T], c: &mut [T]) {
        c.fill(T::zero());
        for (x, b) in row.iter().zip(b.chunks_exact(c.len().max(1))) {
            c.iter_mut().zip(b).for_each(|(c, b)| *c += *x * *b);
        }
    }

    fn row_softmax<T: Float>(x: &[T], y: &mut [T]) {
        let most = x.iter().fold(T::neg_infinity(), |most, x| if *x > most { *x } else { most });
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (*x - most).exponential());
        let sum: T = y.iter().copied().sum();
        y.iter_mut().for_each(|y| *y /= sum);
    }
}

/// c[m, n] = a[m, k] · b[k, n], row-major, for each of `batch` pairs; one b serves all if it is a single one.
pub fn product<T: Float>(a: &[T], b: &[T], c: &mut [T], [m, k, n]: [usize; 3]) {
    chunks_mut(c, n.max(1), |start, c| {
        let row = start / n.max(1);
        let b = &b[if b.len() > k * n { row / m * k * n } else { 0 }..][..k * n];
        row_product(&a[row * k..][..k], b, c);
    });
}

/// The transpose `[n, m]` of each matrix `[m, n]`.
pub fn transposed<T: Float>(a: &[T], m: usize, n: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(a.len());
    for a in a.chunks_exact((m * n).max(1)) {
        for j in 0..n {
            out.extend((0..m).map(|i| a[i * n + j]));
        }
    }
    out
}

/// Softmax of each row of `n` numbers.
pub fn softmax<T: Float>(x: &[T], y: &mut [T], n: usize) {
    chunks_mut(y, n.max(1), |start, y| row_softmax(&x[start..][..n], y));
}

/// Turns the gradient of a softmax's output into that of its input, in place.
pub fn softmax_backward<T: Float>(y: &[T], grad: &mut [T], n: usize) {
    chunks_mut(grad, n.max(1), |start, grad| {
        let y = &y[start..][..n];
        let dot: T = y.iter().zip(&*grad).map(|(y, g)| *y * *g).sum();
        grad.iter_mut().zip(y).for_each(|(g, y)| *g = *y * (*g - dot));
    });
}
