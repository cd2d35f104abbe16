//! Simple classifiers, as anybody would try first. Each learns from one half of the samples and is
//! asked about the other; nothing in them is random.

use std::collections::HashMap;

/// What a classifier sees of one message.
pub struct Sample {
    /// Its bytes, with what is never the same in two messages taken out.
    pub bytes: Vec<u8>,
    /// Numbers about it.
    pub numbers: Vec<f64>,
    /// Whether it is genuine.
    pub genuine: bool,
}

/// Says how genuine a message is: more than 0 is genuine.
type Judge = Box<dyn Fn(&Sample) -> f64>;

/// The share of answers that are right, by classifier.
pub fn accuracies(train: &[Sample], test: &[Sample]) -> Vec<(&'static str, f64)> {
    let judges: [(&'static str, Judge); 6] = [
        ("single bytes", naive_bayes(train, 1)),
        ("pairs of bytes", naive_bayes(train, 2)),
        ("runs of five bytes", naive_bayes(train, 5)),
        ("nearest mean", nearest_mean(train)),
        ("logistic regression", logistic(train)),
        ("one number against a threshold", stump(train)),
    ];
    let right = |judge: &Judge| {
        let right = test.iter().filter(|sample| (judge(sample) > 0.0) == sample.genuine).count();
        right as f64 / test.len() as f64
    };
    judges.iter().map(|(name, judge)| (*name, right(judge))).collect()
}

/// Naive Bayes on how often runs of bytes occur, hashed into a table.
fn naive_bayes(train: &[Sample], length: usize) -> Judge {
    const TABLE: usize = 1 << 16;
    let hash = move |run: &[u8]| {
        let mixed = run.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (mixed >> 20) as usize % TABLE
    };
    let mut counts = [vec![1.0f64; TABLE], vec![1.0; TABLE]];
    for sample in train {
        let counts = &mut counts[usize::from(sample.genuine)];
        sample.bytes.windows(length).for_each(|run| counts[hash(run)] += 1.0);
    }
    let sums = counts.each_ref().map(|counts| counts.iter().sum::<f64>());
    let weights: Vec<f64> = counts[1]
        .iter()
        .zip(&counts[0])
        .map(|(genuine, forged)| (genuine / sums[1] / (forged / sums[0])).ln())
        .collect();
    Box::new(move |sample| sample.bytes.windows(length).map(|run| weights[hash(run)]).sum())
}

/// The numbers, each with mean 0 and deviation 1 over the training half.
fn scaled(train: &[Sample]) -> impl Fn(&Sample) -> Vec<f64> + use<> {
    let count = train[0].numbers.len();
    let of = |at: usize| train.iter().map(move |sample| sample.numbers[at]);
    let scale: Vec<(f64, f64)> = (0..count)
        .map(|at| {
            let mean = of(at).sum::<f64>() / train.len() as f64;
            let variance = of(at).map(|v| (v - mean).powi(2)).sum::<f64>() / train.len() as f64;
            (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
        })
        .collect();
    move |sample| sample.numbers.iter().zip(&scale).map(|(v, (m, d))| (v - m) / d).collect()
}

fn nearest_mean(train: &[Sample]) -> Judge {
    let scale = scaled(train);
    let mean = |genuine: bool| {
        let all: Vec<_> = train.iter().filter(|s| s.genuine == genuine).map(&scale).collect();
        let sum = all.iter().fold(vec![0.0; all[0].len()], |mut sum, one| {
            sum.iter_mut().zip(one).for_each(|(sum, v)| *sum += v);
            sum
        });
        sum.into_iter().map(|sum| sum / all.len() as f64).collect::<Vec<f64>>()
    };
    let (genuine, forged) = (mean(true), mean(false));
    let far = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    Box::new(move |sample| {
        let at = scale(sample);
        far(&at, &forged) - far(&at, &genuine)
    })
}

fn logistic(train: &[Sample]) -> Judge {
    let scale = scaled(train);
    let all: Vec<(Vec<f64>, f64)> =
        train.iter().map(|s| (scale(s), f64::from(u8::from(s.genuine)))).collect();
    let mut weights = vec![0.0; all[0].0.len() + 1];
    let answer = |weights: &[f64], at: &[f64]| {
        weights[0] + weights[1..].iter().zip(at).map(|(w, v)| w * v).sum::<f64>()
    };
    for _ in 0..100 {
        let mut slope = vec![0.0; weights.len()];
        for (at, truth) in &all {
            let error = truth - 1.0 / (1.0 + (-answer(&weights, at)).exp());
            slope[0] += error;
            slope[1..].iter_mut().zip(at).for_each(|(slope, v)| *slope += error * v);
        }
        weights.iter_mut().zip(&slope).for_each(|(w, slope)| *w += slope / all.len() as f64);
    }
    Box::new(move |sample| answer(&weights, &scale(sample)))
}

/// The one number, and the one of its values, that divide the training half best.
fn stump(train: &[Sample]) -> Judge {
    let genuine = train.iter().filter(|s| s.genuine).count() as f64;
    let mut best = (0.0, 0, 0.0, 1.0);
    for at in 0..train[0].numbers.len() {
        let mut by_value: HashMap<u64, (f64, f64)> = HashMap::new();
        for sample in train {
            let (here, all) = by_value.entry(sample.numbers[at].to_bits()).or_default();
            *here += f64::from(u8::from(sample.genuine));
            *all += 1.0;
        }
        let mut values: Vec<(f64, (f64, f64))> =
            by_value.into_iter().map(|(bits, counts)| (f64::from_bits(bits), counts)).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut below, mut seen) = (0.0, 0.0);
        for (value, (here, all)) in values {
            (below, seen) = (below + here, seen + all);
            // Right answers if all up to here is called forged, and all beyond genuine.
            let right = seen - below + genuine - below;
            for (right, sign) in [(right, 1.0), (train.len() as f64 - right, -1.0)] {
                if right > best.0 {
                    best = (right, at, value, sign);
                }
            }
        }
    }
    let (_, at, value, sign) = best;
    Box::new(move |sample| if sample.numbers[at] > value { sign } else { -sign })
}
