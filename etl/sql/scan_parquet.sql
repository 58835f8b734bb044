-- A large Parquet file, its columns named by their position.
read_parquet($path) AS cells ({cells})
