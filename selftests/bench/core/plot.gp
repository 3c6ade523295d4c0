# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Utilization by size, and time by live objects, of the figures that the driver
# wrote: gnuplot -e 'figures="..."; names="..."; measured="..."' plot.gp
set terminal svg size 1200,520 font "sans,12" background "white"
set multiplot layout 1,2
set grid
set key below noenhanced
rows(name, section) = sprintf("< awk -F '\t' '$1 == \"%s\" && $2 == \"%s\"' %s | sort -nk3", \
			      name, section, figures)
title_of(name) = name eq "before" || name eq "after" ? "published, ".name : name

set title "Objects of one size"
set xlabel "size, bytes"
set ylabel "average utilization / ceiling"
set logscale x 2
set format x "2^{%L}"
set yrange [0.6:1.02]
plot for [name in names] rows(name, "uniform") using 3:($5 / $6) \
	with points pointsize 0.7 title title_of(name)

set title "Random sizes from 16 to 496"
set xlabel "live objects"
set ylabel "ns per allocation and free, with the driver"
set logscale x 10
set xrange [1000:*]
set format x "10^{%L}"
set yrange [0:*]
plot for [name in measured] rows(name, "growth") using 3:7 \
	with linespoints pointsize 0.7 title name
