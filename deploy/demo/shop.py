"""The shop: its goods, its pages, its visitors' cities; and how busy it is at any moment."""

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Product:
    """One of the goods; the price in the shop's currency."""

    id: str
    name: str
    category: str
    price: float


_GOODS: Final = {
    "shoes": (("Trail runner", 129.0), ("Sandal", 49.9), ("Rain boot", 64.5), ("Court sneaker", 89.0)),
    "bags": (("Daypack 20 l", 79.0), ("Messenger", 99.5), ("Hip bag", 34.9)),
    "jackets": (("Softshell", 149.0), ("Parka", 219.0), ("Wind vest", 59.0), ("Down jacket", 269.0)),
    "tents": (("Solo tent", 249.0), ("Family tent", 549.0)),
    "kitchen": (("Gas stove", 44.0), ("Titanium cup", 29.0), ("Spork", 4.5), ("Water filter", 39.9)),
    "socks": (("Merino socks", 17.9), ("Hiking socks", 12.5), ("Liner socks", 9.9)),
}
PRODUCTS: Final = tuple(
    Product(f"{category[:2].upper()}-{number:03d}", name, category, price)
    for category, goods in _GOODS.items()
    for number, (name, price) in enumerate(goods, 101)
)
QUERIES: Final = ("tent", "waterproof jacket", "merino", "daypack", "gift", "size 43", "zelt für zwei", "ソックス")
REFERRERS: Final = ("https://www.google.com/", "https://duckduckgo.com/", "https://www.instagram.com/", "mail", "")
BROWSERS: Final = ("Chrome", "Safari", "Firefox", "Edge")
COUPONS: Final = ("SPRING", "WELCOME10", "FREESHIP")

# City, offset from UTC in minutes, and how many of the visitors are there.
CITIES: Final = (
    ("Berlin", 60, 34),
    ("Paris", 60, 18),
    ("London", 0, 16),
    ("New York", -300, 14),
    ("Denver", -420, 6),
    ("Kathmandu", 345, 3),
    ("Tokyo", 540, 9),
)

_HOUR_S: Final = 3_600
_BUSIEST_HOUR: Final = 18.5  # UTC
_NEWSLETTER_EVERY_S: Final = 47 * 60
_NEWSLETTER_LASTS_S: Final = 240


def busyness(time_s: float) -> float:
    """How busy the shop is at a moment (seconds since 1970), 1 on average: by the hour of the day, with slow waves,
    and with a rush after each newsletter.
    """
    hour = time_s / _HOUR_S % 24
    day = 1 + 0.35 * math.cos((hour - _BUSIEST_HOUR) / 24 * math.tau)
    wave = 1 + 0.12 * math.sin(time_s / (23 * 60) * math.tau)
    rush = 0.8 * math.exp(-(time_s % _NEWSLETTER_EVERY_S) / _NEWSLETTER_LASTS_S)
    return day * (wave + rush) / (1 + 0.8 * _NEWSLETTER_LASTS_S / _NEWSLETTER_EVERY_S)
