"""Pure values, rules and mathematics: no clock, environment, log, disk or network."""
