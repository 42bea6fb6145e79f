import unittest

from shop.cart import Cart


class CartTest(unittest.TestCase):
    def test_empty_cart_costs_nothing(self):
        self.assertEqual(Cart().total(), 0)

    def test_two_items_cost_the_full_price(self):
        cart = Cart()
        cart.add("tea", 250, 2)
        self.assertEqual(cart.total(), 500)

    def test_five_items_get_the_discount(self):
        cart = Cart()
        cart.add("tea", 200, 5)
        self.assertEqual(cart.total(), 900)


if __name__ == "__main__":
    unittest.main()
