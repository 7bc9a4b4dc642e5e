# Write `charts.csv.gz`: what R's surveillance says of `series.csv` by the old RKI system and by the likelihood ratio CUSUM.
# Run it where both lie:
#
#     Rscript charts.R
#
# Needed only to make the file anew (Debian: apt-get install --no-install-recommends r-cran-surveillance).
# The first line of the file says which versions made it; the tests read it and never need R.

suppressPackageStartupMessages(library(surveillance))

table <- t(as.matrix(read.csv("series.csv", header = FALSE)))
dimnames(table) <- NULL
weeks <- 110:149
rows <- list()

said <- function(setting, series, value, alarm, expected = NA)
    rows[[length(rows) + 1]] <<- data.frame(setting, series = series - 1, week = weeks, value = as.vector(value),
                                            alarm = as.integer(alarm), expected)

for (series in 1:20) {
    old <- suppressWarnings(create.disProg(week = seq_len(nrow(table)), observed = table[, series],
                                           state = rep(0, nrow(table)), freq = 52))
    for (number in 1:3) {
        found <- list(algo.rki1, algo.rki2, algo.rki3)[[number]](old, list(range = weeks + 1))
        said(paste("rki", number), series, found$upperbound, found$alarm)
    }
    expected <- signif((mean(table[1:104, series]) + 0.1) * (1 + 0.3 * cos(2 * pi * weeks / 52)), 10)
    for (alpha in c(0, 0.2)) {
        found <- algo.glrnb(old, list(range = weeks + 1, mu0 = expected, alpha = alpha, theta = log(1.5), c.ARL = 3,
                                      ret = "value"))
        said(paste("cusum", alpha), series, found$upperbound, found$alarm, expected)
    }
}

result <- do.call(rbind, rows)
result$value <- signif(result$value, 10)
file <- gzfile("charts.csv.gz", "w", compression = 9)
writeLines(paste0("# Rscript charts.R; surveillance ", packageVersion("surveillance"), ", ", R.version.string), file)
write.csv(result, file, row.names = FALSE, quote = FALSE, na = "")
close(file)
