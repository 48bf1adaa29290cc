DROP TABLE order_copies;
