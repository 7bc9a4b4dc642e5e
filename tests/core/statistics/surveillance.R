# Write `surveillance.csv.gz`: what R's surveillance says of `series.csv`. Run it where both lie:
#
#     Rscript surveillance.R
#
# Needed only to make the file anew (Debian: apt-get install --no-install-recommends r-cran-surveillance).
# The first line of the file says which versions made it; the tests read it and never need R.

suppressPackageStartupMessages(library(surveillance))

table <- t(as.matrix(read.csv("series.csv", header = FALSE)))
dimnames(table) <- NULL
counts <- table[, -ncol(table)]
population <- table[, ncol(table), drop = FALSE]

original <- list(b = 5, w = 3, noPeriods = 1, pastWeeksNotIncluded = 3, weightsThreshold = 1, pThresholdTrend = 0.05,
                 thresholdMethod = "delta", alpha = 0.005, trend = TRUE, reweight = TRUE, limit54 = c(5, 4),
                 powertrans = "2/3", populationOffset = FALSE, glmWarnings = FALSE)
improved <- modifyList(original, list(noPeriods = 10, pastWeeksNotIncluded = 26, weightsThreshold = 2.58,
                                      pThresholdTrend = 1, thresholdMethod = "nbPlugin"))

all_series <- seq_len(ncol(counts))
some_series <- c(2, 4, 6, 9, 12, 15)
all_weeks <- 290:329
some_weeks <- 290:309

runs <- list()
run <- function(setting, base, changes, series = some_series, weeks = some_weeks, freq = 52)
    runs[[setting]] <<- list(control = modifyList(base, changes), series = series, weeks = weeks, freq = freq)

for (method in c("delta", "nbPlugin", "muan")) {
    run(paste("original", method), original, list(thresholdMethod = method), all_series, all_weeks)
    run(paste("improved", method), improved, list(thresholdMethod = method), all_series, all_weeks)
}
run("square root", original, list(powertrans = "1/2"))
run("no transform", original, list(powertrans = "none"))
run("no reweighting", improved, list(reweight = FALSE, thresholdMethod = "muan"))
run("no trend", improved, list(trend = FALSE, thresholdMethod = "muan"))
run("significant trend", improved, list(pThresholdTrend = 0.01, thresholdMethod = "muan"))
run("short baseline", improved, list(b = 3, w = 2, noPeriods = 7, pastWeeksNotIncluded = 10, alpha = 0.05))
run("two years", improved, list(b = 2, thresholdMethod = "muan"))
run("all recent weeks", original, list(pastWeeksNotIncluded = 0, limit54 = c(0, 4)))
run("population", improved, list(populationOffset = TRUE, thresholdMethod = "muan"))
run("original population", original, list(populationOffset = TRUE))
run("months", improved, list(w = 1, noPeriods = 5, pastWeeksNotIncluded = 2), freq = 12)

first <- function(x) if (is.null(x)) NA else x[1]

judged <- function(setting, settings, series, week) {
    values <- sts(observed = counts[, series], population = population, start = c(2013, 1), frequency = settings$freq)
    found <- tryCatch(suppressWarnings(farringtonFlexible(values, c(list(range = week + 1), settings$control))),
                      error = function(failure) NULL)
    if (is.null(found)) stop(paste(setting, series, week))
    data.frame(setting, series = series - 1, week, bound = first(upperbound(found)), p_value = first(found@control$pvalue),
               alarm = as.integer(first(alarms(found))), expected = first(found@control$expected),
               dispersion = first(found@control$phiVector), trend = first(found@control$trend))
}

rows <- list()
for (setting in names(runs))
    for (series in runs[[setting]]$series)
        for (week in runs[[setting]]$weeks)
            rows[[length(rows) + 1]] <- judged(setting, runs[[setting]], series, week)

simple <- function(setting, series, weeks, bound, alarm)
    data.frame(setting, series = series - 1, week = weeks, bound = as.vector(bound), p_value = NA,
               alarm = as.integer(alarm), expected = NA, dispersion = NA, trend = NA)

weeks <- 110:149
for (series in all_series) {
    values <- sts(observed = counts[, series], start = c(2013, 1), frequency = 52)
    for (method in c("C1", "C2")) {
        found <- earsC(values, list(range = weeks + 1, method = method, baseline = 7, minSigma = 0.5, alpha = 0.001))
        rows[[length(rows) + 1]] <- simple(method, series, weeks, upperbound(found), alarms(found))
    }
    old <- create.disProg(week = seq_len(nrow(counts)), observed = counts[, series],
                          state = rep(0, nrow(counts)), freq = 52)
    for (number in 1:3) {
        bayes <- list(algo.bayes1, algo.bayes2, algo.bayes3)[[number]]
        found <- bayes(old, list(range = weeks + 1))
        rows[[length(rows) + 1]] <- simple(paste("bayes", number), series, weeks, found$upperbound, found$alarm)
    }
}

result <- do.call(rbind, rows)
for (column in c("bound", "p_value", "expected", "dispersion")) result[[column]] <- signif(result[[column]], 10)
file <- gzfile("surveillance.csv.gz", "w", compression = 9)
writeLines(paste0("# Rscript surveillance.R; surveillance ", packageVersion("surveillance"), ", ", R.version.string), file)
write.csv(result, file, row.names = FALSE, quote = FALSE, na = "")
close(file)
