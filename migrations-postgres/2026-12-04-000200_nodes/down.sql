DROP TABLE account_leases;
DROP TABLE nodes;
