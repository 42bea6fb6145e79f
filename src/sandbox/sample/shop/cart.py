"""A shopping cart with a quantity discount. All amounts are whole cents."""

DISCOUNT_FROM = 3
DISCOUNT_PERCENT = 10


class Cart:
    def __init__(self):
        self._items = []

    def add(self, name, price, quantity=1):
        if price < 0:
            raise ValueError("a price is never negative")
        if quantity < 1:
            raise ValueError("a quantity is at least one")
        self._items.append((name, price, quantity))

    def count(self):
        return sum(quantity for _, _, quantity in self._items)

    def total(self):
        full = sum(price * quantity for _, price, quantity in self._items)
        if self.count() > DISCOUNT_FROM:
            return full - full * DISCOUNT_PERCENT // 100
        return full
