"""WGS84 degrees to British National Grid metres, so that places of different partners can be compared.

Method and constants: Ordnance Survey, "A guide to coordinate systems in Great Britain" (Helmert transformation, then
the Transverse Mercator projection on Airy 1830). Good to about 5 metres, which is finer than any rule reads.
"""

from __future__ import annotations

from math import atan2, cos, hypot, radians, sin, sqrt, tan

_WGS84_A, _WGS84_B = 6_378_137.0, 6_356_752.3142
_AIRY_A, _AIRY_B = 6_377_563.396, 6_356_256.909
_SHIFT = (-446.448, 125.157, -542.060)
_TURN = tuple(radians(seconds / 3600) for seconds in (-0.1502, -0.2470, -0.8421))
_SCALE = 20.4894e-6
_F0, _LAT0, _LON0, _E0, _N0 = 0.9996012717, radians(49), radians(-2), 400_000.0, -100_000.0


def to_grid(latitude: float, longitude: float) -> tuple[int, int]:
    """Easting and northing in whole metres of a WGS84 position in degrees."""
    lat, lon = _shift_datum(radians(latitude), radians(longitude))
    return _project(lat, lon)


def _shift_datum(lat: float, lon: float) -> tuple[float, float]:
    e2 = 1 - (_WGS84_B / _WGS84_A) ** 2
    nu = _WGS84_A / sqrt(1 - e2 * sin(lat) ** 2)
    x, y, z = nu * cos(lat) * cos(lon), nu * cos(lat) * sin(lon), nu * (1 - e2) * sin(lat)
    rx, ry, rz = _TURN
    tx, ty, tz = _SHIFT
    grown = 1 + _SCALE
    x, y, z = (
        tx + grown * x - rz * y + ry * z,
        ty + rz * x + grown * y - rx * z,
        tz - ry * x + rx * y + grown * z,
    )
    e2 = 1 - (_AIRY_B / _AIRY_A) ** 2
    p = hypot(x, y)
    lat = atan2(z, p * (1 - e2))
    for _ in range(3):
        nu = _AIRY_A / sqrt(1 - e2 * sin(lat) ** 2)
        lat = atan2(z + e2 * nu * sin(lat), p)
    return lat, atan2(y, x)


def _project(lat: float, lon: float) -> tuple[int, int]:
    a, b = _AIRY_A * _F0, _AIRY_B * _F0
    e2 = 1 - (_AIRY_B / _AIRY_A) ** 2
    n = (_AIRY_A - _AIRY_B) / (_AIRY_A + _AIRY_B)
    nu = a / sqrt(1 - e2 * sin(lat) ** 2)
    rho = a * (1 - e2) / (1 - e2 * sin(lat) ** 2) ** 1.5
    eta2 = nu / rho - 1
    d, s = lat - _LAT0, lat + _LAT0
    m = b * (
        (1 + n + 5 / 4 * n**2 + 5 / 4 * n**3) * d
        - (3 * n + 3 * n**2 + 21 / 8 * n**3) * sin(d) * cos(s)
        + (15 / 8 * n**2 + 15 / 8 * n**3) * sin(2 * d) * cos(2 * s)
        - 35 / 24 * n**3 * sin(3 * d) * cos(3 * s)
    )
    c, t = cos(lat), tan(lat)
    i = m + _N0
    ii = nu / 2 * sin(lat) * c
    iii = nu / 24 * sin(lat) * c**3 * (5 - t**2 + 9 * eta2)
    iiia = nu / 720 * sin(lat) * c**5 * (61 - 58 * t**2 + t**4)
    iv = nu * c
    v = nu / 6 * c**3 * (nu / rho - t**2)
    vi = nu / 120 * c**5 * (5 - 18 * t**2 + t**4 + 14 * eta2 - 58 * t**2 * eta2)
    dl = lon - _LON0
    northing = i + ii * dl**2 + iii * dl**4 + iiia * dl**6
    easting = _E0 + iv * dl + v * dl**3 + vi * dl**5
    return round(easting), round(northing)
