DROP TABLE order_files;
