//! Money in nano-USD (10⁻⁹ US dollars), as an integer: sums are exact, and one token of the cheapest model is still above zero.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// An amount in nano-USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nano(pub i64);

impl Nano {
    /// Nothing.
    pub const ZERO: Nano = Nano(0);

    /// An amount given in whole US dollars and fractions of it, as people write it in configuration.
    pub fn from_usd(usd: f64) -> Nano {
        Nano((usd * 1e9).round() as i64)
    }

    /// Micro-USD, rounded up: the unit of machine-readable reports.
    pub fn micro_usd(self) -> i64 {
        self.0.div_euclid(1_000) + i64::from(self.0.rem_euclid(1_000) != 0)
    }
}

impl fmt::Display for Nano {
    /// Dollars with cents, rounded up, so that a shown cost is never below the real one. Amounts under a cent keep four digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        if amount > 0 && amount < 10_000_000 {
            let tenths_of_milli = amount.div_ceil(100_000);
            return write!(f, "{sign}${}.{:04}", tenths_of_milli / 10_000, tenths_of_milli % 10_000);
        }
        let cents = amount.div_ceil(10_000_000);
        write!(f, "{sign}${}.{:02}", cents / 100, cents % 100)
    }
}

impl Add for Nano {
    type Output = Nano;
    fn add(self, other: Nano) -> Nano {
        Nano(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Nano {
    fn add_assign(&mut self, other: Nano) {
        *self = *self + other;
    }
}

impl Sub for Nano {
    type Output = Nano;
    fn sub(self, other: Nano) -> Nano {
        Nano(self.0.saturating_sub(other.0))
    }
}

impl Sum for Nano {
    fn sum<I: Iterator<Item = Nano>>(amounts: I) -> Nano {
        amounts.fold(Nano::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_amounts_round_up() {
        let rows = [
            (0, "$0.00"),
            (1, "$0.0001"),
            (9_999_999, "$0.0100"),
            (10_000_000, "$0.01"),
            (10_000_001, "$0.02"),
            (1_500_000_000, "$1.50"),
            (-1, "-$0.0001"),
        ];
        for (nano, shown) in rows {
            assert_eq!(Nano(nano).to_string(), shown, "{nano}");
        }
        assert_eq!(Nano(1).micro_usd(), 1);
        assert_eq!(Nano::from_usd(0.5), Nano(500_000_000));
    }
}
