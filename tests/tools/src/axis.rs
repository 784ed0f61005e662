//! The time axis of a picture.

/// From 0 to a round number that is not before the last event. Times are milliseconds.
#[derive(Debug)]
pub struct Axis {
    /// From one tick to the next.
    step: i64,
    /// How many steps there are, at most 10.
    count: i64,
}

impl Axis {
    /// For events up to this time.
    pub fn of(until: i64) -> Axis {
        let until = until.max(10);
        let steps = (0..10).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_i64.pow(power)));
        let mut steps = steps.filter(|step| until <= step * 10);
        let step = steps.next().unwrap_or(until);
        let count = (until + step - 1) / step;
        Axis { step, count }
    }

    /// The ticks and their labels; the last one has the unit.
    pub fn ticks(&self) -> Vec<(i64, String)> {
        let (in_unit, unit) = if self.step < 20 {
            (1, "ms")
        } else {
            (1000, "s")
        };
        let tick = |index| {
            let at = index * self.step;
            let (whole, thousandths) = (at / in_unit, at % in_unit);
            let mut label = format!("{whole}.{thousandths:03}");
            label.truncate(label.trim_end_matches('0').trim_end_matches('.').len());
            if index == self.count {
                label = format!("{label} {unit}");
            }
            (at, label)
        };
        (0..=self.count).map(tick).collect()
    }

    /// The place of this time on an axis of this length.
    pub fn place(&self, at: i64, length: i64) -> i64 {
        let end = self.step * self.count;
        (at * length * 2 + end) / (end * 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number() {
        let labels = |until| {
            let labels = Axis::of(until).ticks().into_iter().map(|(_, label)| label);
            labels.collect::<Vec<String>>().join(" ")
        };
        assert_eq!(labels(0), "0 1 2 3 4 5 6 7 8 9 10 ms");
        assert_eq!(labels(100), "0 10 20 30 40 50 60 70 80 90 100 ms");
        assert_eq!(labels(101), "0 0.02 0.04 0.06 0.08 0.1 0.12 s");
        assert_eq!(labels(3000), "0 0.5 1 1.5 2 2.5 3 s");
        assert_eq!(labels(7200), "0 1 2 3 4 5 6 7 8 s");
        assert_eq!(labels(200_001), "0 50 100 150 200 250 s");
        for until in (0..33).map(|power| (1_i64 << power) - 1) {
            let axis = Axis::of(until);
            assert!(axis.step * axis.count >= until, "{until}: {axis:?}");
            assert!((1..=10).contains(&axis.count), "{until}: {axis:?}");
        }
    }

    #[test]
    fn a_place_is_rounded() {
        let axis = Axis::of(10_000);
        let places = [0, 4, 5, 14, 15, 10_000].map(|at| axis.place(at, 1000));
        assert_eq!(places, [0, 0, 1, 1, 2, 1000]);
    }
}
