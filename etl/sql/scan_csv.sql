-- A large CSV, every cell as text and named by its position. Its records are scanned and found again with
-- these same words, so that a number means the same record. Empty lines are none, and lines end one way.
read_csv(
    $path,
    columns = {cells},
    compression = $compression,
    auto_detect = FALSE,
    header = TRUE,
    delim = '{separator}',
    quote = '"',
    escape = '"',
    nullstr = chr(1),
    encoding = 'utf-8',
    max_line_size = {longest},
    buffer_size = {buffer},
    strict_mode = TRUE,
    null_padding = FALSE,
    ignore_errors = FALSE
)
