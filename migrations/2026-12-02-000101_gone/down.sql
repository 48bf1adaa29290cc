SELECT 1; -- what was left is not known any more
