//! A basket of goods and its price.

use std::collections::BTreeMap;
use std::fmt;

/// One line of the basket.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub name: String,
    pub price_cents: u64,
    pub count: u32,
}

/// What can be wrong with a basket.
#[derive(Debug, PartialEq)]
pub enum BasketError {
    Empty,
    UnknownItem(String),
    TooMany { name: String, most: u32 },
}

impl fmt::Display for BasketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BasketError::Empty => write!(f, "the basket is empty"),
            BasketError::UnknownItem(name) => write!(f, "there is no item \"{name}\""),
            BasketError::TooMany { name, most } => write!(f, "at most {most} of {name}"),
        }
    }
}

#[derive(Default)]
pub struct Basket {
    items: BTreeMap<String, Item>,
    discount_percent: u8,
}

impl Basket {
    pub fn new() -> Basket {
        Basket::default()
    }

    /// Adds one piece, or raises the count.
    pub fn add(&mut self, name: &str, price_cents: u64) -> Result<(), BasketError> {
        let item = self.items.entry(name.to_owned()).or_insert_with(|| Item {
            name: name.to_owned(),
            price_cents,
            count: 0,
        });
        if item.count >= 99 {
            return Err(BasketError::TooMany { name: name.to_owned(), most: 99 });
        }
        item.count += 1;
        Ok(())
    }

    pub fn remove(&mut self, name: &str) -> Result<Item, BasketError> {
        match self.items.remove(name) {
            Some(item) => Ok(item),
            None => Err(BasketError::UnknownItem(name.to_owned())),
        }
    }

    /// The price of everything - discount taken off - in cents.
    pub fn total(&self) -> Result<u64, BasketError> {
        if self.items.is_empty() {
            return Err(BasketError::Empty);
        }
        let mut sum = 0;
        for item in self.items.values() {
            sum += item.price_cents * u64::from(item.count);
        }
        let discount = sum * u64::from(self.discount_percent) / 100;
        Ok(sum - discount)
    }

    pub fn set_discount(&mut self, percent: u8) {
        self.discount_percent = percent.min(100);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_summed() {
        let mut basket = Basket::new();
        basket.add("pear", 120).unwrap();
        basket.add("pear", 120).unwrap();
        basket.add("bread", 350).unwrap();
        assert_eq!(basket.total(), Ok(590));
    }

    #[test]
    fn an_empty_basket_has_no_total() {
        assert_eq!(Basket::new().total(), Err(BasketError::Empty));
    }
}
