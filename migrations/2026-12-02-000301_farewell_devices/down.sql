ALTER TABLE farewells DROP COLUMN device;
