"""One visit: a person comes to the shop, looks around, and now and then buys something."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, Final

from deploy.demo import shop
from deploy.demo.shop import Product

MEAN_ACTIONS: Final = 15.0  # of a visit; tests/unit/demo counts them
_USERS: Final = 20_000
_MOST_LOOKS: Final = 25
_REGULARS: Final = 0.3  # of the visits are by people who come often

Action = dict[str, Any]  # as POST /log takes it
Made = tuple[float, Action]  # with its moment, in seconds since 1970


@dataclass(slots=True)
class Visit:
    """A visit under way: who, in which session, on what device; and its clock, in seconds since 1970."""

    chance: Random
    now_s: float
    user_id: str = ""
    session_id: str = ""
    page: str = "/"
    cart: list[Product] = field(default_factory=list)
    zone: timezone = UTC
    about: dict[str, Any] = field(default_factory=dict)

    def actions(self) -> Iterator[Made]:
        """All of the visit, in order."""
        yield self._made("VIEW", page=self.page, loadMs=self._load_ms(), **self.about)
        for _ in range(self._looks()):
            yield from self._look()
        if self.cart and self.chance.random() < 0.55:
            yield from self._check_out()

    def _looks(self) -> int:
        """Many leave soon, few stay long."""
        return min(_MOST_LOOKS, int(self.chance.expovariate(1 / 4.4)))

    def _look(self) -> Iterator[Made]:
        if self.chance.random() < 0.2:
            query = self.chance.choice(shop.QUERIES)
            yield self._made("SEARCH", query=query, results=self.chance.randrange(40))
        product = self.chance.choices(shop.PRODUCTS, [100 / (place + 3) for place in range(len(shop.PRODUCTS))])[0]
        yield self._to(f"/{product.category}/{product.id}")
        yield self._made("VIEW", page=self.page, viewedId=product.id, price=product.price, loadMs=self._load_ms())
        for _ in range(self.chance.choice((0, 0, 1, 2))):
            yield self._click("photo")
        if self.chance.random() < 0.02:
            yield self._made(
                "ERROR", page=self.page, message="image did not load", status=self.chance.choice((404, 502))
            )
        if self.chance.random() < 0.16:
            yield from self._take(product)

    def _take(self, product: Product) -> Iterator[Made]:
        yield self._click("add-to-cart")
        self.cart.append(product)
        yield self._made("ADD_TO_CART", viewedId=product.id, price=product.price, cart=self._cart())
        if self.chance.random() < 0.12:
            gone = self.cart.pop(0)
            yield self._made("REMOVE_FROM_CART", viewedId=gone.id, cart=self._cart())

    def _check_out(self) -> Iterator[Made]:
        yield self._to("/checkout")
        yield self._made("CHECKOUT", step="address", cart=self._cart())
        if self.chance.random() < 0.25:
            return  # thought better of it
        yield self._click("pay")
        coupon = self.chance.choice(shop.COUPONS) if self.chance.random() < 0.15 else None
        order = f"O-{self.chance.randrange(10**7):07d}"
        yield self._made("PURCHASE", orderId=order, total=self._cart()["total"], coupon=coupon, cart=self._cart())

    def _to(self, page: str) -> Made:
        came_from, self.page = self.page, page
        return self._made("NAVIGATE", pageFrom=came_from, pageTo=page)

    def _click(self, element: str) -> Made:
        place = {"locationX": self.chance.randrange(1280), "locationY": self.chance.randrange(800)}
        return self._made("CLICK", **place, element=element, page=self.page)

    def _cart(self) -> dict[str, Any]:
        return {"items": len(self.cart), "total": round(sum(product.price for product in self.cart), 2)}

    def _load_ms(self) -> int:
        return int(self.chance.lognormvariate(5.6, 0.5))

    def _made(self, type_: str, **properties: Any) -> Made:
        """An action now; the next one comes some seconds later."""
        now_s = self.now_s
        self.now_s += min(self.chance.expovariate(1 / 9), 120.0) + 0.05
        written = datetime.fromtimestamp(now_s, self.zone).isoformat(timespec="milliseconds")
        return now_s, {"id": _id(self.chance, now_s), "time": written, "type": type_, "properties": properties}


def begun(chance: Random, now_s: float) -> Visit:
    """Somebody comes; some come often."""
    often = chance.random() < _REGULARS
    number = int(chance.paretovariate(0.6)) % 500 if often else chance.randrange(_USERS)
    city, offset, _ = chance.choices(shop.CITIES, [weight for *_, weight in shop.CITIES])[0]
    about = {
        "referrer": chance.choice(shop.REFERRERS),
        "city": city,
        "device": chance.choices(("phone", "desktop", "tablet"), (58, 36, 6))[0],
        "browser": chance.choices(shop.BROWSERS, (61, 22, 9, 8))[0],
    }
    session = f"s-{chance.getrandbits(48):012x}"
    zone = timezone(timedelta(minutes=offset))
    return Visit(chance, now_s, f"u-{number:05d}", session, chance.choice(("/", "/", "/sale")), zone=zone, about=about)


def _id(chance: Random, now_s: float) -> str:
    """A UUIDv7 of that moment, as the emitter makes them: sent again, the action is the same."""
    number = int(now_s * 1000) << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    return str(uuid.UUID(int=number))
