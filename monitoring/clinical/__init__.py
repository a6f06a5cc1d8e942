"""Medicine as data: analytes, units, readings, findings and sites, without Django."""
