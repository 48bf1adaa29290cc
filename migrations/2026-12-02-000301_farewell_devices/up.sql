-- What an account called itself: its log-out, which may come when it is gone, calls itself the same. JSON (`domain/device.rs`).
ALTER TABLE farewells ADD COLUMN device TEXT;
