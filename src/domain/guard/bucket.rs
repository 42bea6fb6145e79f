//! How much one person may ask for: a bucket that holds an hour's worth and fills up evenly.

use crate::base::Time;

/// Units of the level: one request is a million.
const ONE: i64 = 1_000_000;
/// An hour in microseconds.
const HOUR: i64 = 3_600_000_000;

/// What a person has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Millionths of a request that are left.
    pub level: i64,
    /// When that was so.
    pub at: Time,
    /// Until when the person was told to wait; zero: not at all.
    pub told: Time,
}

/// Whether a request is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    Served,
    /// Not before this. `say`: the person does not know yet.
    Limited {
        until: Time,
        say: bool,
    },
}

impl Bucket {
    /// What somebody has who never asked for anything.
    pub fn full(per_hour: i64, now: Time) -> Bucket {
        Bucket { level: per_hour.saturating_mul(ONE), at: now, told: Time(0) }
    }

    fn filled(self, per_hour: i64, now: Time) -> Bucket {
        // A clock that went back fills nothing.
        let passed = i128::from((now.0 - self.at.0).clamp(0, HOUR));
        let more = passed * i128::from(per_hour) * i128::from(ONE) / i128::from(HOUR);
        let level = (i128::from(self.level) + more).min(i128::from(per_hour) * i128::from(ONE));
        Bucket { level: i64::try_from(level).unwrap_or(i64::MAX), at: now.max(self.at), ..self }
    }

    /// Asks for `cost` requests at once. All of them are served, or none; more than the bucket can ever hold counts as a full one.
    pub fn draw(self, cost: i64, per_hour: i64, now: Time) -> (Bucket, Drawn) {
        let filled = self.filled(per_hour, now);
        let wanted = cost.clamp(1, per_hour.max(1)).saturating_mul(ONE);
        if filled.level >= wanted {
            return (Bucket { level: filled.level - wanted, told: Time(0), ..filled }, Drawn::Served);
        }
        // Nothing was taken, so the old level stays: filling up in small steps would lose the fractions.
        let missing = i128::from(wanted - self.level);
        let wait = missing * i128::from(HOUR) / (i128::from(per_hour.max(1)) * i128::from(ONE)) + 1;
        let until = Time(self.at.0.saturating_add(i64::try_from(wait).unwrap_or(HOUR)).max(now.0 + 1));
        let say = self.told <= now;
        let told = if say { until } else { self.told };
        (Bucket { told, ..self }, Drawn::Limited { until, say })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draw(bucket: &mut Bucket, cost: i64, at: i64) -> Drawn {
        let (next, drawn) = bucket.draw(cost, 60, Time(at));
        *bucket = next;
        drawn
    }

    #[test]
    fn an_hours_worth_at_once_then_one_a_minute() {
        let mut bucket = Bucket::full(60, Time(0));
        for _ in 0..60 {
            assert_eq!(draw(&mut bucket, 1, 0), Drawn::Served);
        }
        assert_eq!(draw(&mut bucket, 1, 0), Drawn::Limited { until: Time(60_000_001), say: true });
        assert_eq!(draw(&mut bucket, 1, 1_000_000), Drawn::Limited { until: Time(60_000_001), say: false }, "told once");
        assert_eq!(draw(&mut bucket, 1, 60_000_001), Drawn::Served);
        assert!(matches!(draw(&mut bucket, 1, 60_000_002), Drawn::Limited { say: true, .. }), "a new wait is told anew");
    }

    #[test]
    fn a_comment_of_many_commands_is_served_whole_or_not_at_all() {
        let mut bucket = Bucket::full(60, Time(0));
        assert_eq!(draw(&mut bucket, 59, 0), Drawn::Served);
        assert!(matches!(draw(&mut bucket, 2, 0), Drawn::Limited { .. }));
        assert_eq!(draw(&mut bucket, 1, 0), Drawn::Served);
        assert_eq!(draw(&mut Bucket::full(60, Time(0)), 1_000, 0), Drawn::Served, "never impossible for ever");
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_two_hours_worth_in_an_hour(steps in proptest::collection::vec(0_i64..120_000_000, 1..400), per_hour in 1_i64..200) {
            let (mut bucket, mut now, mut served) = (Bucket::full(per_hour, Time(0)), 0, 0);
            for step in steps {
                now += step;
                if now > HOUR {
                    break;
                }
                let (next, drawn) = bucket.draw(1, per_hour, Time(now));
                bucket = next;
                prop_assert!(bucket.level >= 0);
                match drawn {
                    Drawn::Served => served += 1,
                    Drawn::Limited { until, .. } => prop_assert!(until.0 > now),
                }
            }
            prop_assert!(served <= 2 * per_hour);
        }
    }
}
