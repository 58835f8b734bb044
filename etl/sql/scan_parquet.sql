-- A large Parquet file, its columns named by their position, with the number of each record from 0.
read_parquet($path, file_row_number = TRUE) AS cells ({cells}, number)
