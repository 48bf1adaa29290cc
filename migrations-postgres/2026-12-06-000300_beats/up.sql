-- How often a node has said that it lives. The others see by it, and by their own clocks, whether it has fallen silent, and say so here.
ALTER TABLE nodes ADD COLUMN beat BIGINT NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN silent BOOLEAN NOT NULL DEFAULT FALSE;
