// SPDX-License-Identifier: Apache-2.0
package dev.edge.sample

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.view.MotionEvent
import android.view.View

/** Paper for a finger; says so when the drawing has changed. */
class DrawingView(context: Context, private val changed: (Drawing) -> Unit) : View(context) {
    private val drawing = Drawing()
    private val paint = Paint()
    private var lastX = 0f
    private var lastY = 0f

    fun clear() {
        drawing.clear()
        invalidate()
    }

    override fun onTouchEvent(event: MotionEvent): Boolean {
        val x = event.x / width
        val y = event.y / height
        if (event.action == MotionEvent.ACTION_MOVE) {
            drawing.line(lastX, lastY, x, y)
            changed(drawing)
            invalidate()
        }
        lastX = x
        lastY = y
        return true
    }

    override fun onDraw(canvas: Canvas) {
        val cell = width.toFloat() / Drawing.SIDE
        drawing.ink.forEachIndexed { index, shade ->
            val left = index % Drawing.SIDE * cell
            val top = index / Drawing.SIDE * cell
            paint.alpha = (shade * 255).toInt()
            canvas.drawRect(left, top, left + cell, top + cell, paint)
        }
    }
}
