// SPDX-License-Identifier: Apache-2.0
package dev.edge.sample

import kotlin.math.hypot

/** A drawing as the network takes it: [SIDE] x [SIDE] values from 0 (paper) to 1 (ink). */
class Drawing {
    val ink = FloatArray(SIDE * SIDE)

    /** A line of the pen between two points of the unit square. */
    fun line(fromX: Float, fromY: Float, toX: Float, toY: Float) {
        val steps = (hypot(toX - fromX, toY - fromY) * SIDE * 4).toInt() + 1
        for (step in 0..steps) {
            val part = step.toFloat() / steps
            dab(fromX + (toX - fromX) * part, fromY + (toY - fromY) * part)
        }
    }

    fun clear() = ink.fill(0f)

    private fun dab(x: Float, y: Float) {
        for (row in 0 until SIDE) {
            for (column in 0 until SIDE) {
                val distance = hypot(x * SIDE - column - 0.5f, y * SIDE - row - 0.5f)
                val shade = (PEN - distance).coerceIn(0f, 1f)
                ink[row * SIDE + column] = maxOf(ink[row * SIDE + column], shade)
            }
        }
    }

    companion object {
        const val SIDE = 8
        private const val PEN = 1.2f
    }
}
