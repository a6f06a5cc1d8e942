"""The screens of the ward for patients, facts, imports, units and rules, as a themed Django admin."""
