//! The directions in which the data varies most, by Jacobi's method.

use rayon::prelude::*;

/// Sweeps of rotations; fewer than ten reach single precision at this size.
const SWEEPS: usize = 12;
/// Off-diagonal weight, against the diagonal's, at which the rotations stop.
const SETTLED: f64 = 1e-18;

/// Orthonormal axes, the one with the largest share first.
pub(crate) struct Axes {
    dimension: usize,
    axes: Vec<Vec<f64>>,
}

/// The `wanted` principal axes of the rows, about the origin and not about their mean.
pub(crate) fn find(rows: &[f32], dimension: usize, wanted: usize) -> Axes {
    let mut matrix = second_moments(rows, dimension);
    // Row i of `vectors` ends as the axis whose share ends at matrix[i][i].
    let mut vectors: Vec<Vec<f64>> =
        (0..dimension).map(|i| (0..dimension).map(|j| f64::from(i == j)).collect()).collect();
    for _ in 0..SWEEPS {
        for p in 0..dimension {
            for q in p + 1..dimension {
                rotate(&mut matrix, &mut vectors, p, q);
            }
        }
        if off_diagonal(&matrix) < SETTLED {
            break;
        }
    }
    let mut order: Vec<usize> = (0..dimension).collect();
    order.sort_by(|&a, &b| matrix[b][b].total_cmp(&matrix[a][a]));
    let axes = order[..wanted].iter().map(|&i| vectors[i].clone()).collect();
    Axes { dimension, axes }
}

impl Axes {
    /// The rows' coordinates on the axes.
    pub(crate) fn project(&self, rows: &[f32]) -> Vec<f32> {
        rows.par_chunks_exact(self.dimension)
            .flat_map_iter(|row| {
                self.axes.iter().map(move |axis| {
                    axis.iter().zip(row).map(|(a, &x)| a * f64::from(x)).sum::<f64>() as f32
                })
            })
            .collect()
    }
}

/// Sum of the outer products of the rows, divided by their number.
fn second_moments(rows: &[f32], dimension: usize) -> Vec<Vec<f64>> {
    let count = (rows.len() / dimension) as f64;
    (0..dimension)
        .into_par_iter()
        .map(|i| {
            let mut sums = vec![0.0; dimension];
            for row in rows.chunks_exact(dimension) {
                let x = f64::from(row[i]);
                sums.iter_mut().zip(row).for_each(|(sum, &y)| *sum += x * f64::from(y));
            }
            sums.iter_mut().for_each(|sum| *sum /= count);
            sums
        })
        .collect()
}

/// One Jacobi rotation, which makes `matrix[p][q]` zero.
fn rotate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], p: usize, q: usize) {
    let apq = matrix[p][q];
    if apq == 0.0 {
        return;
    }
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * apq);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    turn(matrix, p, q, cosine, sine);
    for row in matrix.iter_mut() {
        (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
    }
    turn(vectors, p, q, cosine, sine);
}

/// Rotates rows `p` and `q`, `p < q`, against each other.
fn turn(rows: &mut [Vec<f64>], p: usize, q: usize, cosine: f64, sine: f64) {
    let (before, after) = rows.split_at_mut(q);
    for (x, y) in before[p].iter_mut().zip(&mut after[0]) {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    }
}

/// The squares off the diagonal, as a share of those on it.
fn off_diagonal(matrix: &[Vec<f64>]) -> f64 {
    let squares = |on: bool| -> f64 {
        let rows = matrix.iter().enumerate();
        rows.flat_map(|(i, row)| row.iter().enumerate().map(move |(j, x)| (i == j, x)))
            .filter(|&(diagonal, _)| diagonal == on)
            .map(|(_, x)| x * x)
            .sum()
    };
    squares(false) / squares(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_orthonormal_and_in_order_of_their_share() {
        // Long along (1, 1, 0), shorter along (1, -1, 0), shortest along z.
        let rows = [3.0, 3.0, 0.0, -3.0, -3.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.5];
        let axes = find(&rows, 3, 2);
        let half = 0.5f64.sqrt();
        let along = |axis: &[f64], by: [f64; 3]| -> f64 {
            axis.iter().zip(by).map(|(a, b)| a * b).sum::<f64>().abs()
        };
        assert!((along(&axes.axes[0], [half, half, 0.0]) - 1.0).abs() < 1e-9);
        assert!((along(&axes.axes[1], [half, -half, 0.0]) - 1.0).abs() < 1e-9);
        let projected = axes.project(&rows[..3]);
        assert!((projected[0].abs() - 18f32.sqrt()).abs() < 1e-5 && projected[1].abs() < 1e-5);
    }
}
